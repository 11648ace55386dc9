import numpy as np
import pytest
from scipy.special import gammaln

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.betting import Bets, Experts, bet, winner
from drift.life.cells import cells_from


def stream_of(rng: np.random.Generator, n: int, **kw) -> NumericSample:
    return NumericSample(rng.normal(size=n, **kw))


def watched(reference):
    cells = cells_from(reference)
    experts = Experts.of(cells)
    return cells, experts, Bets.start(cells, experts)


def winner_at_the_alarm(reference, drifted):
    """Return what explains the first score of 800,000: learning stops there, later bets would know the drift."""
    cells, experts, bets = watched(reference)
    path = bet(cells, experts, bets, cells.counts(drifted, 100))
    return experts.names[winner(experts, next(step for step in path if step.score >= 800_000))]


def test_one_bucket_of_a_binary_column_is_priced_as_worked_out_by_hand():
    cells, experts, bets = watched(CategoricalSample(np.repeat([0, 1], [60, 38]), ("no", "yes")))
    counts = np.array([[4, 6, 0, 0]])
    after = bet(cells, experts, bets, counts)[0]
    # Mass 60, 38, 1 unseen, 1 missing; "'no' more often (x1.5)" expects 100 * (90, 38, 1, 1) / 130.
    rival = 100 * np.array([90, 38, 1, 1]) / 130
    plain = np.array([60, 38, 1, 1.0])
    ratio = (gammaln(rival + counts[0]) - gammaln(rival) - gammaln(plain + counts[0]) + gammaln(plain)).sum()
    at = experts.names.index("'no' more often (x1.5)")
    assert after.scores[at] == pytest.approx(10 * np.exp(ratio))


def test_every_expert_is_worth_its_stake_on_average():
    # All counts of a bucket of 4 rows, weighted by the plain urn's probability: each ratio has expectation 1.
    cells, experts, bets = watched(CategoricalSample(np.repeat([0, 1, 2], [5, 3, 2]), ("a", "b", "c")))
    every = np.array([c for c in np.ndindex(5, 5, 5, 5, 5) if sum(c) == 4])
    urn = cells.mass
    log_p = (gammaln(urn + every) - gammaln(urn) - gammaln(every + 1)).sum(axis=1)
    log_p += gammaln(5) + gammaln(urn.sum()) - gammaln(urn.sum() + 4)
    ratios = np.array([bet(cells, experts, bets, c[None])[0].scores / 4 for c in every])
    assert np.exp(log_p).sum() == pytest.approx(1)
    np.testing.assert_allclose(np.exp(log_p) @ ratios, 1.0, rtol=1e-9)


@pytest.mark.parametrize(
    ("drifted", "expected"),
    [
        (lambda x: x + 0.5, "values moved up by 0.5 sd"),
        (lambda x: x - 1, "values moved down by 1 sd"),
        (lambda x: x * 2, "values spread wider (x2)"),
        (lambda x: x * 0.5, "values spread narrower (x0.5)"),
        (lambda x: np.where(np.arange(x.size) % 20, x, 99.0), "values above the reference range"),
        (lambda x: np.where(np.arange(x.size) % 20, x, np.nan), "missing values more often (x50)"),
        (lambda x: x + 100, "nearly all values above the reference range"),
        (lambda x: x - 100, "nearly all values below the reference range"),
        (lambda x: np.full(x.size, np.nan), "nearly all values missing"),
    ],
)
def test_the_winning_bet_names_the_drift(drifted, expected):
    rng = np.random.default_rng(3)
    reference, rows = stream_of(rng, 5_000), rng.normal(size=1_000)
    assert winner_at_the_alarm(reference, NumericSample(drifted(rows))) == expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.57, 0.28, 0.1, 0.05], "categories unseen in the reference"),
        ([0.5, 0.4, 0.1, 0], "'app' more often (x1.5)"),
        ([0, 0, 0, 1], "nearly all categories unseen in the reference"),
    ],
)
def test_new_and_more_frequent_categories_are_named(shares, expected):
    rng = np.random.default_rng(4)
    names = ("web", "app", "shop", "fax")
    reference = CategoricalSample(rng.choice(3, 5_000, p=[0.6, 0.3, 0.1]), names)
    assert winner_at_the_alarm(reference, CategoricalSample(rng.choice(4, 1_000, p=shares), names)) == expected


def test_a_drift_that_no_name_fits_is_called_another_shape():
    rng = np.random.default_rng(3)
    reference, rows = stream_of(rng, 5_000), rng.normal(size=1_000)
    stuck = NumericSample(np.where(rng.random(1_000) < 0.3, 1.0, rows))
    assert winner_at_the_alarm(reference, stuck).startswith("another shape")


def test_the_order_of_rows_in_a_bucket_and_monotone_units_do_not_matter():
    rng = np.random.default_rng(5)
    reference, stream = rng.normal(size=500), rng.normal(0.2, 1, size=1_000)
    shuffled = rng.permuted(stream.reshape(10, 100), axis=1).ravel()
    scores = []
    for transform, rows in ((np.asarray, stream), (np.asarray, shuffled), (np.exp, stream)):
        cells, experts, bets = watched(NumericSample(transform(reference)))
        scores.append(bet(cells, experts, bets, cells.counts(NumericSample(transform(rows)), 100))[-1].scores)
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


@pytest.mark.parametrize("learn", [True, False])
def test_buckets_one_by_one_leave_the_same_bits_as_all_at_once(learn):
    rng = np.random.default_rng(6)
    cells, experts, bets = watched(stream_of(rng, 2_000))
    counts = cells.counts(stream_of(rng, 15_000), 100)
    at_once = bet(cells, experts, bets, counts, phi=1.3, learn=learn)[-1]
    for bucket in counts:
        bets = bet(cells, experts, bets, bucket[None], phi=1.3, learn=learn)[-1]
    for name in ("learned", "recent", "scores", "ages"):
        assert getattr(bets, name).tobytes() == getattr(at_once, name).tobytes()


def test_a_healthy_score_stays_below_its_bound_even_against_a_small_reference():
    # P(score >= A within T rows) <= T / A = 0.1; 300 streams give at most 0.1 + 3 standard errors.
    rng = np.random.default_rng(7)
    n_alarms = 0
    for _ in range(300):
        cells, experts, bets = watched(stream_of(rng, 200))
        path = bet(cells, experts, bets, cells.counts(stream_of(rng, 2_000), 100))
        n_alarms += max(step.score for step in path) >= 20_000
    assert n_alarms / 300 <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 300)


def test_a_score_never_overflows():
    cells, experts, bets = watched(NumericSample(np.arange(1_000.0)))
    counts = cells.counts(NumericSample(np.full(50_000, 1e6)), 100)
    path = bet(cells, experts, bets, counts, learn=False)
    assert np.isfinite([step.score for step in path]).all()

import numpy as np
import pytest

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.evidence import Watch, advance
from drift.life.rule import LifeRule

RULE = LifeRule()


def numeric_watch(seed: int = 1, n: int = 5_000) -> tuple[Watch, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return Watch.over(NumericSample(rng.normal(size=n)), RULE), rng


def test_an_alarm_is_latched_when_the_drift_is_over():
    watch, rng = numeric_watch()
    rows = np.concatenate([rng.normal(size=2_000), rng.normal(1, 1, size=500), rng.normal(size=5_000)])
    step = advance(watch, watch.start(), watch.cells.counts(NumericSample(rows), 100))
    alarm = step.evidence.alarm
    assert alarm is not None
    assert 2_000 < alarm.row <= 2_200
    assert step.evidence.n == 7_500
    assert step.scores[-1] < step.scores[25]


def test_nothing_is_learned_from_the_alarm_on():
    watch, rng = numeric_watch()
    rows = NumericSample(np.concatenate([rng.normal(size=1_000), rng.normal(1, 1, size=3_000)]))
    evidence = advance(watch, watch.start(), watch.cells.counts(rows, 100)).evidence
    assert evidence.alarm is not None
    assert evidence.bets.learned.sum() * watch.phi == pytest.approx(evidence.alarm.row)


def test_the_state_can_be_stored_after_any_bucket_and_resumed():
    watch, rng = numeric_watch()
    rows = np.concatenate([rng.normal(size=3_000), rng.normal(0.3, 1, size=3_000)])
    counts = watch.cells.counts(NumericSample(rows), 100)
    at_once = advance(watch, watch.start(), counts).evidence
    resumed = watch.start()
    for bucket in counts:
        resumed = watch.from_bytes(resumed.to_bytes(), resumed.alarm)
        resumed = advance(watch, resumed, bucket[None]).evidence
    assert resumed.to_bytes() == at_once.to_bytes()
    assert resumed.alarm == at_once.alarm
    assert len(at_once.to_bytes()) < 4_000


def test_a_state_of_another_reference_is_refused():
    watch, _ = numeric_watch()
    other = Watch.over(CategoricalSample(np.array([0, 1, 1]), ("a", "b")), RULE)
    with pytest.raises(ValueError, match="data must hold the state"):
        watch.from_bytes(other.start().to_bytes())


def test_acknowledging_starts_again_and_keeps_what_was_learned():
    watch, rng = numeric_watch()
    counts = watch.cells.counts(NumericSample(rng.normal(1, 1, size=1_000)), 100)
    alarmed = advance(watch, watch.start(), counts).evidence
    again = watch.restart(alarmed)
    assert again.alarm is None
    assert again.score == 0
    assert again.n == 1_000  # rows go on counting from the reference
    np.testing.assert_array_equal(again.bets.learned, alarmed.bets.learned)
    assert advance(watch, again, counts).evidence.alarm is not None


def test_a_column_that_becomes_missing_alarms():
    watch, _ = numeric_watch()
    counts = watch.cells.counts(NumericSample(np.full(200, np.nan)), 100)
    alarm = advance(watch, watch.start(), counts).evidence.alarm
    assert alarm is not None
    assert alarm.bet == "nearly all values missing"


def test_more_columns_ask_for_more_evidence_of_each():
    rng = np.random.default_rng(3)
    reference, rows = NumericSample(rng.normal(size=5_000)), NumericSample(rng.normal(0.25, 1, size=5_000))
    alone, many = Watch.over(reference, RULE), Watch.over(reference, RULE, n_columns=50)
    first, later = (advance(w, w.start(), w.cells.counts(rows, 100)).evidence.alarm for w in (alone, many))
    assert first is not None
    assert later is not None
    assert first.row < later.row


@pytest.mark.parametrize(
    ("reference", "healthy"),
    [
        (500, lambda rng, n: NumericSample(rng.normal(size=n))),
        (500, lambda rng, n: CategoricalSample(rng.choice(2, n), ("no", "yes"))),
        (2_000, lambda rng, n: CategoricalSample(rng.choice(5, n, p=[0.4, 0.3, 0.15, 0.1, 0.05]), tuple("abcde"))),
    ],
)
def test_at_most_one_healthy_life_in_twenty_hears_a_false_alarm(reference, healthy):
    rng = np.random.default_rng(4)
    n_streams, n_alarms = 200, 0
    for _ in range(n_streams):
        watch = Watch.over(healthy(rng, reference), RULE)
        counts = watch.cells.counts(healthy(rng, 20_000), 100)
        n_alarms += advance(watch, watch.start(), counts).evidence.alarm is not None
    assert n_alarms / n_streams <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_streams)


def numbers(mean, sd=1.0):
    return lambda rng, n: NumericSample(rng.normal(mean, sd, n))


def categories(*shares):
    return lambda rng, n: CategoricalSample(rng.choice(len(shares), n, p=shares), tuple("abcdef"[: len(shares)]))


@pytest.mark.parametrize(
    ("healthy", "drifted", "median", "ninth_decile"),
    [
        (numbers(0), numbers(0.25), 400, 600),
        (numbers(0), numbers(1), 100, 100),
        (numbers(0), numbers(0, 1.5**0.5), 400, 800),
        (categories(0.4, 0.3, 0.15, 0.1, 0.05), categories(0.38, 0.285, 0.1425, 0.095, 0.0475, 0.05), 100, 200),
        (categories(0.5, 0.5), categories(0.4, 0.6), 500, 800),
    ],
)
def test_a_drift_is_found_within_the_rows_that_the_rule_promises(healthy, drifted, median, ninth_decile):
    rng = np.random.default_rng(5)
    delays = []
    for _ in range(40):
        watch = Watch.over(healthy(rng, 5_000), RULE)
        evidence = advance(watch, watch.start(), watch.cells.counts(healthy(rng, 10_000), 100)).evidence
        if evidence.alarm is None:  # a false alarm is another test's matter
            alarm = advance(watch, evidence, watch.cells.counts(drifted(rng, 3_000), 100)).evidence.alarm
            delays.append(np.inf if alarm is None else alarm.row - 10_000)
    # Looks come every 100 rows, so the quantiles of 40 delays may be off by a look or two.
    assert np.median(delays) <= median + 100
    assert np.quantile(delays, 0.9) <= ninth_decile + 200

import numpy as np
import pandas as pd
import pytest

from retrain.judging.guardrails import broken, check_guardrails, raw_stability_index, score_shares


def healthy(n=1_000, seed=0):
    """Return what two models of one kind said to n requests."""
    rng = np.random.default_rng(seed)
    scores, times = rng.beta(2, 2, (2, n)), rng.gamma(4, 0.002, (2, n))
    return pd.DataFrame(
        {
            "champion_score": scores[0],
            "challenger_score": scores[1],
            "champion_seconds": times[0],
            "challenger_seconds": times[1],
            "error": pd.Series([None] * n, dtype=object),
        }
    )


# What a small hold-out leaves: the index must not take its noise for a difference.
EXPECTED = score_shares(np.random.default_rng(9).beta(2, 2, 200))


def test_a_healthy_challenger_passes_at_every_look():
    """10 looks at each of 100 trials: a false alarm at one look would end a good trial."""
    for seed in range(100):
        rows = healthy(1_000, seed)
        for n in range(100, 1_001, 100):
            assert broken(check_guardrails(rows.head(n), EXPECTED)) is None


def test_nothing_is_said_of_too_few_requests():
    found = check_guardrails(healthy(0), EXPECTED)
    assert broken(found) is None
    assert [one.value for one in found] == [None] * 4
    assert broken(check_guardrails(healthy(40).assign(challenger_score=0.5, challenger_seconds=9.0), EXPECTED)) is None


@pytest.mark.parametrize(
    ("n_errors", "n", "passes"), [(2, 50, True), (3, 300, True), (3, 299, False), (12, 1_000, False)]
)
def test_errors_count_from_three_on_and_above_one_percent(n_errors, n, passes):
    rows = healthy(n)
    rows.loc[: n_errors - 1, "error"] = "ValueError: x"
    assert (broken(check_guardrails(rows, EXPECTED)) is None) == passes


def test_a_score_that_never_varies_is_told_unless_the_champions_does_not_either():
    rows = healthy(60).assign(challenger_score=0.5)
    assert "score was 0.5 on all of 60 requests" in broken(check_guardrails(rows, None))
    assert broken(check_guardrails(rows.assign(champion_score=0.5), None)) is None


def test_other_scores_than_those_approved_are_told():
    rows = healthy(300)
    rows["challenger_score"] **= 3
    found = check_guardrails(rows, EXPECTED)
    assert "population stability index" in broken(found)
    assert next(one for one in found if one.name == "score PSI").value > 0.25
    # Without scores to compare with, such as for a model without probabilities, there is nothing to tell.
    assert broken(check_guardrails(rows, None)) is None


def test_slow_answers_are_told_and_a_millisecond_is_not():
    slow = healthy(200)
    slow["challenger_seconds"] = 2 * slow["champion_seconds"]
    assert "95 % of the challenger's answers took" in broken(check_guardrails(slow, EXPECTED))
    fast = healthy(200).assign(champion_seconds=0.001, challenger_seconds=0.004)
    assert broken(check_guardrails(fast, EXPECTED)) is None


def test_times_with_long_tails_are_no_slowness():
    """On a busy machine single answers take ten times as long; both models meet that."""
    rng = np.random.default_rng(3)
    for _ in range(300):
        rows = healthy(100)
        for name in ("champion_seconds", "challenger_seconds"):
            rows[name] = 0.005 * rng.lognormal(0, 1.2, len(rows))
        assert broken(check_guardrails(rows, None)) is None


def test_the_index_is_zero_for_the_same_shares_and_grows_with_the_difference():
    same = np.array(EXPECTED.shares)
    assert raw_stability_index(same, same) == 0
    moved = [raw_stability_index(np.array([0.5, 0.5]), np.array([share, 1 - share])) for share in (0.5, 0.6, 0.8, 1.0)]
    assert moved == sorted(moved)
    assert np.isfinite(moved[-1])


def test_scores_that_never_vary_have_no_shares():
    assert score_shares(np.full(100, 0.3)) is None
    assert score_shares(np.array([np.nan])) is None


def test_a_few_slow_answers_of_a_busy_machine_are_no_slow_challenger():
    """Of 100 answers 8 took long: the quantile is beyond the limit, and yet that is chance once in ten looks."""
    rows = healthy(100)
    rows.loc[:7, "challenger_seconds"] = 0.5
    assert broken(check_guardrails(rows, EXPECTED)) is None
    rows.loc[:24, "challenger_seconds"] = 0.5
    assert "95 % of the challenger's answers took at most" in broken(check_guardrails(rows, EXPECTED))

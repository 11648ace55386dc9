"""Accuracy on labelled rows: intervals with their level, and counts that do not mix up the codes of two columns."""

from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from drift.data.samples import CategoricalSample, NumericSample
from drift.performance.agreement import (
    Agreement,
    accuracy_p_value,
    agreement,
    delay_of,
    difference_interval,
    right_or_wrong,
    wilson_interval,
)


def test_a_prediction_is_right_when_the_names_agree_whatever_the_codes():
    prediction = CategoricalSample(np.array([0, 1, 0, -1, 1]), ("bad", "good"))
    label = CategoricalSample(np.array([1, 0, 2, 1, -1]), ("good", "bad", "never predicted"))
    assert right_or_wrong(prediction, label).codes.tolist() == [0, 0, 1, -1, -1]
    assert agreement(prediction, label) == Agreement(2, 3, 5)


def test_numbers_neither_agree_nor_disagree():
    assert agreement(NumericSample(np.ones(3)), CategoricalSample(np.zeros(3), ("a",))) is None


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (81, 263), (943, 1_000), (10, 10)])
def test_the_interval_of_a_share_is_that_of_scipy(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson_interval(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_without_rows_a_share_may_be_anything():
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    # Newcombe (1998), table II, method 10: (56/70, 48/80), (9/10, 3/10), (10/10, 0/20).
    ("now", "before", "expected"),
    [((56, 70), (48, 80), (0.0524, 0.3339)), ((9, 10), (3, 10), (0.1705, 0.8090)), ((10, 10), (0, 20), (0.6791, 1.0))],
)
def test_the_interval_of_a_change_is_the_published_one(now, before, expected):
    found = difference_interval(Agreement(*before, before[1]), Agreement(*now, now[1]))
    assert found == pytest.approx(expected, abs=5e-5)


def test_both_intervals_keep_their_level():
    rng = np.random.default_rng(3)
    one = two = 0
    for right, before in zip(rng.binomial(150, 0.93, 2_000), rng.binomial(1_000, 0.93, 2_000), strict=True):
        low, high = wilson_interval(right, 150)
        one += low <= 0.93 <= high
        low, high = difference_interval(Agreement(before, 1_000, 1_000), Agreement(right, 150, 150))
        two += low <= 0 <= high
    assert 0.93 < one / 2_000 < 0.98
    assert 0.93 < two / 2_000 < 0.98


def test_a_change_of_accuracy_has_the_p_value_of_a_table():
    table = [[940, 60], [80, 20]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    found = accuracy_p_value(Agreement(940, 1_000, 1_000), Agreement(80, 100, 100))
    assert found == pytest.approx(expected)


def test_delays_are_told_by_their_middle_and_their_tail():
    found = delay_of(np.arange(101) * 3600.0)
    assert (found.n, found.median, found.p90) == (101, timedelta(hours=50), timedelta(hours=90))
    assert delay_of(np.empty(0)) is None

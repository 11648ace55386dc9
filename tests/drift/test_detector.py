"""The lesson's contract: two calls, plain lists, an answer with three fields."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from drift.detector import DriftResult, detect_distribution_drift, detect_prediction_drift

RNG = np.random.default_rng(21)


def test_a_result_can_be_built_from_the_three_fields_of_the_lesson():
    result = DriftResult(is_drifted=True, p_value=0.01, statistic=0.5)
    assert (result.is_drifted, result.p_value, result.statistic) == (True, 0.01, 0.5)


def test_numbers_are_compared_by_kolmogorov_smirnov():
    reference, current = RNG.normal(size=800), RNG.normal(0.3, 1, size=300)
    found = detect_distribution_drift(reference, current)
    expected = stats.ks_2samp(reference, current, method="asymp")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)
    assert found.is_drifted
    assert not detect_distribution_drift(reference, current, threshold=found.p_value / 2).is_drifted


def test_labels_are_compared_by_the_table_of_both_samples_without_yates():
    found = detect_prediction_drift([0, 1] * 500, [0] * 60 + [1] * 40)
    assert found.p_value == pytest.approx(0.0565, abs=5e-5)
    assert (found.is_drifted, found.df) == (False, 1)


@pytest.mark.parametrize(
    "labels", [(0, 1), ("bad", "good", "meh"), (True, False), (1.5, 2.5), ("1", 1), ((1, 2), (3, 4))]
)
def test_any_labels_do_and_their_names_do_not_matter(labels):
    rng = np.random.default_rng(1)
    at = rng.integers(0, len(labels), 300), rng.integers(0, len(labels), 200)
    found = detect_prediction_drift(*[[labels[k] for k in codes] for codes in at])
    table = [[Counter(codes.tolist())[k] for k in range(len(labels))] for codes in at]
    expected = stats.chi2_contingency(table, correction=False)
    assert (found.statistic, found.df) == (pytest.approx(expected.statistic), len(labels) - 1)


def test_one_row_of_an_unseen_label_neither_raises_nor_alarms():
    found = detect_prediction_drift(
        np.repeat(["a", "b", "c"], [167, 167, 166]), np.repeat(["a", "b", "c", "new"], [167, 166, 166, 1])
    )
    assert (found.statistic, found.df) == (pytest.approx(1.003, abs=5e-4), 3)
    assert found.p_value == pytest.approx(0.800525, abs=1e-6)


def test_a_flood_of_an_unseen_label_alarms():
    assert detect_prediction_drift(["a"] * 500, ["a"] * 90 + ["b"] * 10).is_drifted


@pytest.mark.parametrize("make", [list, tuple, np.array, pd.Series, iter])
def test_any_sequence_is_taken(make):
    numbers, labels = [1.0, 2.0, 3.0, 4.0], ["x", "y", "x", "y"]
    assert detect_distribution_drift(make(numbers), make(numbers)).p_value == 1.0
    assert detect_prediction_drift(make(labels), make(labels)).p_value == 1.0


def test_missing_values_are_left_out_and_counted():
    found = detect_distribution_drift([1, 2, None, 4], [3, float("nan"), 5, 6])
    assert (found.n_missing, found.statistic) == (2, pytest.approx(2 / 3))
    assert detect_prediction_drift(["a", None, "b"], ["a", float("nan"), "b"]).n_missing == 2


@pytest.mark.parametrize(
    ("call", "must"),
    [
        (lambda: detect_distribution_drift([], [1]), "reference must hold at least one value"),
        (lambda: detect_distribution_drift([1], [None]), "current must hold at least one value"),
        (lambda: detect_distribution_drift([1], ["good"]), "current must hold numbers; got"),
        (lambda: detect_prediction_drift(["a"], []), "current_predictions must hold at least one value"),
        (lambda: detect_distribution_drift([1], [1], threshold=0), "threshold must be between 0 and 1; got 0"),
        (lambda: detect_prediction_drift([1], [1], threshold=5), "threshold must be between 0 and 1; got 5"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(call, must):
    with pytest.raises(ValueError, match=must):
        call()


def test_swapping_the_samples_changes_nothing():
    reference, current = RNG.normal(size=301), RNG.normal(0.2, 1, size=199)
    one, other = detect_distribution_drift(reference, current), detect_distribution_drift(current, reference)
    assert (one.statistic, one.p_value) == (pytest.approx(other.statistic), pytest.approx(other.p_value))
    labels, others = RNG.choice(list("abc"), 301), RNG.choice(list("abc"), 199, p=[0.5, 0.3, 0.2])
    one, other = detect_prediction_drift(labels, others), detect_prediction_drift(others, labels)
    assert (one.statistic, one.p_value) == (pytest.approx(other.statistic), pytest.approx(other.p_value))


@pytest.mark.parametrize("transform", [np.exp, lambda x: 5 * x - 3, lambda x: x**3])
def test_a_monotone_change_of_units_changes_nothing(transform):
    reference, current = RNG.normal(size=301), RNG.normal(0.2, 1, size=199)
    plain = detect_distribution_drift(reference, current)
    assert detect_distribution_drift(transform(reference), transform(current)).p_value == plain.p_value


@pytest.mark.parametrize("n_labels", [2, 3, 10, 50])
def test_healthy_labels_alarm_as_often_as_the_threshold_says(n_labels):
    # The one-sample sketch of the lesson alarms on 20 % at 3 labels, 50 % at 10 and 96 % at 50.
    rng = np.random.default_rng(3)
    drawn = [(rng.integers(0, n_labels, 1_003), rng.integers(0, n_labels, 997)) for _ in range(600)]
    rate = np.mean([detect_prediction_drift(a, b).is_drifted for a, b in drawn])
    assert 0.05 - 3 * 0.0089 < rate < 0.05 + 3 * 0.0089


def test_healthy_numbers_alarm_as_often_as_the_threshold_says():
    rng = np.random.default_rng(4)
    drawn = [(rng.normal(size=211), rng.normal(size=199)) for _ in range(1_000)]
    rate = np.mean([detect_distribution_drift(a, b).is_drifted for a, b in drawn])
    assert 0.05 - 3 * 0.0069 < rate < 0.05 + 3 * 0.0069


def test_a_drift_that_is_there_is_found():
    rng = np.random.default_rng(5)
    numbers = [detect_distribution_drift(rng.normal(size=5_000), rng.normal(0.25, 1, 500)) for _ in range(50)]
    labels = [detect_prediction_drift(rng.random(5_000) < 0.5, rng.random(500) < 0.6) for _ in range(50)]
    assert np.mean([found.is_drifted for found in numbers]) > 0.95
    assert np.mean([found.is_drifted for found in labels]) > 0.95

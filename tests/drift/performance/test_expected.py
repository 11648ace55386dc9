"""Expected accuracy: known answers, the slow obvious way, intervals with their level, and what it cannot see."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from drift.data.samples import CategoricalSample
from drift.performance.calibration import MIN_LABELLED, calibrate, calibration_error
from drift.performance.expected import estimates, expected_accuracy

CLASSES = ("no", "yes")


def logistic(x):
    return 1 / (1 + np.exp(-x))


def world(rng, n, *, mean=0.0, slope=2.0, over_confident=1.0):
    """Return predictions, scores and labels of a model that believes in a slope of 2, times its over-confidence."""
    x = rng.normal(mean, 1, n)
    label = (rng.random(n) < logistic(slope * x)).astype(int)
    score = logistic(2 * over_confident * x)
    prediction = (score >= 0.5).astype(int)
    return CategoricalSample(prediction, CLASSES), score, CategoricalSample(label, CLASSES)


def realised(prediction, label):
    return (prediction.codes == label.codes).mean()


def test_four_rows_have_the_figures_that_can_be_added_up_by_hand():
    p = np.array([0.1, 0.4, 0.6, 0.9])
    found = estimates(p, np.array([False, False, True, True]), p)
    assert (found.accuracy, found.precision, found.recall, found.f1) == pytest.approx((0.75, 0.75, 0.75, 0.75))
    assert found.roc_auc == pytest.approx(0.825)


def test_tied_scores_count_half_in_the_area_under_the_curve():
    p = np.array([0.2, 0.2, 0.8, 0.8])
    assert estimates(p, p > 0.5, np.full(4, 0.5)).roc_auc == pytest.approx(0.5)
    # With certain outcomes it is the usual area.
    rng = np.random.default_rng(1)
    truth, score = rng.integers(0, 2, 300), np.round(rng.random(300), 1)
    found = estimates(truth.astype(float), score > 0.5, score)
    assert found.roc_auc == pytest.approx(roc_auc_score(truth, score))


def test_figures_that_do_not_exist_are_not_a_number():
    found = estimates(np.array([0.2, 0.3]), np.array([False, False]), np.array([0.2, 0.3]))
    assert np.isnan(found.precision)
    assert found.recall == 0


def test_calibration_is_that_of_scikit_learn():
    prediction, score, label = world(np.random.default_rng(2), 900, over_confident=3)
    found = calibrate(prediction, score, label)
    slow = IsotonicRegression(out_of_bounds="clip").fit(score, label.codes)
    grid = np.linspace(0, 1, 201)
    least = 1 / 902
    expected = np.clip(slow.predict(grid), least, 1 - least)
    np.testing.assert_allclose(np.interp(grid, found.knots, found.fitted), expected, atol=1e-9)
    assert found.positive == "yes"


def test_the_bootstrap_of_the_mean_is_the_slow_one():
    prediction, score, label = world(np.random.default_rng(3), 900, over_confident=3)
    found = calibrate(prediction, score, label)
    window, scores, _ = world(np.random.default_rng(4), 400, over_confident=3)
    yes = window.codes == 1
    slow = []
    for fit in found.resampled:
        p = np.interp(scores, found.knots, fit)
        slow.append(np.where(yes, p, 1 - p).mean())
    p = np.interp(scores, found.knots, found.fitted)
    right = np.where(yes, p, 1 - p)
    spread = 1.959964 * np.sqrt((right * (1 - right)).sum() / 400**2 + np.var(slow))
    expected = expected_accuracy(found, window, scores)
    assert expected.accuracy == pytest.approx(right.mean())
    assert expected.interval == pytest.approx((right.mean() - spread, right.mean() + spread), abs=1e-6)


def test_many_different_scores_are_gathered_without_a_difference():
    rng = np.random.default_rng(5)
    prediction, score, label = world(rng, 20_000, over_confident=3)
    found = calibrate(prediction, score, label)
    assert found.knots.size == 1_000
    slow = IsotonicRegression(out_of_bounds="clip").fit(score, label.codes)
    assert np.abs(np.interp(score, found.knots, found.fitted) - slow.predict(score)).mean() < 0.003


def test_scores_that_can_be_believed_are_left_as_they_are():
    # Of a calibrated model, isotonic steps are mostly noise.
    kept = [calibrate(*world(np.random.default_rng(seed), 600)).calibrated for seed in range(20)]
    assert sum(kept) < 15
    assert calibrate(*world(np.random.default_rng(0), 600, over_confident=3)).calibrated


def test_a_score_may_be_the_probability_of_either_class_or_of_the_predicted_one():
    rng = np.random.default_rng(6)
    prediction, score, label = world(rng, 2_000)
    window, scores, truth = world(rng, 2_000)
    of_no = calibrate(prediction, 1 - score, label)
    of_predicted = calibrate(prediction, np.maximum(score, 1 - score), label)
    assert (of_no.positive, of_predicted.positive) == ("no", None)
    expected = expected_accuracy(calibrate(prediction, score, label), window, scores).accuracy
    assert expected_accuracy(of_no, window, 1 - scores).accuracy == pytest.approx(expected, abs=0.01)
    found = expected_accuracy(of_predicted, window, np.maximum(scores, 1 - scores))
    assert found.accuracy == pytest.approx(realised(window, truth), abs=0.03)
    assert found.estimates is None


def test_the_classes_may_be_more_than_two():
    rng = np.random.default_rng(7)
    sure = rng.uniform(0.34, 1, 3_000)
    truth = rng.integers(0, 3, 3_000)
    prediction = np.where(rng.random(3_000) < sure, truth, (truth + 1) % 3)
    names = ("a", "b", "c")
    found = calibrate(CategoricalSample(prediction, names), sure, CategoricalSample(truth, names))
    assert found.positive is None
    half = CategoricalSample(prediction[:500], names)
    low, high = expected_accuracy(found, half, sure[:500]).interval
    assert low <= (prediction == truth)[:500].mean() <= high


@pytest.mark.parametrize("mean", [0.0, 1.0])
@pytest.mark.parametrize("over_confident", [1.0, 3.0])
def test_the_interval_holds_the_realised_accuracy_while_the_relation_is_unchanged(mean, over_confident):
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = calibrate(*world(rng, 1_000, over_confident=over_confident))
        prediction, score, label = world(rng, 500, mean=mean, over_confident=over_confident)
        low, high = expected_accuracy(found, prediction, score).interval
        inside += low <= realised(prediction, label) <= high
    assert inside / 60 > 0.87


def test_a_changed_relation_is_invisible_in_scores():
    rng = np.random.default_rng(8)
    found = calibrate(*world(rng, 2_000))
    prediction, score, label = world(rng, 2_000, slope=0.0)
    assert realised(prediction, label) < 0.55
    assert expected_accuracy(found, prediction, score).accuracy > 0.75


def test_scores_beyond_those_of_the_reference_are_counted():
    found = calibrate(*world(np.random.default_rng(9), 600))
    window = CategoricalSample(np.ones(4, int), CLASSES)
    scores = np.array([found.lowest / 2, 0.5, (1 + found.highest) / 2, np.nan])
    expected = expected_accuracy(found, window, scores)
    assert (expected.n, expected.outside_share) == (3, pytest.approx(2 / 3))
    assert expected_accuracy(found, window, np.full(4, np.nan)) is None


def test_a_reference_that_cannot_teach_is_refused_with_the_reason():
    prediction, score, label = world(np.random.default_rng(10), MIN_LABELLED - 1)
    with pytest.raises(ValueError, match="must hold 500 rows with a score and a label; got 499"):
        calibrate(prediction, score, label)
    prediction, score, label = world(np.random.default_rng(10), 600)
    with pytest.raises(ValueError, match="scores must lie between 0 and 1"):
        calibrate(prediction, 100 * score, label)
    with pytest.raises(ValueError, match="two outcomes"):
        calibrate(label, label.codes * 0.5 + 0.25, CategoricalSample(np.zeros(600, int), CLASSES))


def test_the_same_rows_give_the_same_answer():
    rows = world(np.random.default_rng(11), 600, over_confident=3)
    a, b = calibrate(*rows), calibrate(*rows)
    np.testing.assert_array_equal(a.resampled, b.resampled)


def test_calibration_error_is_the_mean_gap():
    happened, promised = np.array([0.0] * 50 + [1.0] * 50), np.array([0.1] * 50 + [0.9] * 50)
    assert calibration_error(happened, promised) == pytest.approx(0.1)

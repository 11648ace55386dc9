"""Accuracy without labels: what a model's own scores promise, once it is known how far they can be believed.

Confidence-based performance estimation: scores are calibrated on labelled reference rows, and the expected accuracy is
the mean probability of the predicted class. It holds as long as the relation from input to label is unchanged: a
concept drift cannot be seen in scores.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from drift.data.samples import CategoricalSample
from drift.performance.calibration import Calibration, calibrated_probability

CAVEAT = "if the relation input -> label is unchanged"
_Z = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Estimates:
    """Expected figures of a classifier of two classes; one that does not exist is NaN."""

    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the scores of `n` rows promise.

    `interval` holds the realised accuracy of these rows with 95 % probability, if the relation input -> label is
    unchanged. `outside_share` is the share of scores beyond those of the reference, where calibration is a guess.
    """

    accuracy: float
    interval: tuple[float, float]
    n: int
    outside_share: float
    estimates: Estimates | None = None


def expected_accuracy(calibration: Calibration, prediction: CategoricalSample, score: np.ndarray) -> Expected | None:
    """Return what the scores of a window promise; None where no row has a prediction and a score.

    The interval joins the chance of each outcome (a Poisson binomial) and the doubt about the calibration (bootstrap).

    Parameters
    ----------
    prediction : CategoricalSample
        Of the window, row by row; -1 is missing.
    score : float array, shape (n,)
        NaN is missing.

    Returns
    -------
    Expected or None
        Its accuracy and the ends of its interval lie within 0 to 1.
    """
    known = (prediction.codes >= 0) & ~np.isnan(score)
    if not known.any():
        return None
    score = score[known]
    positive = None
    if calibration.positive is not None:
        positive = (np.array([*prediction.categories, ""], object)[prediction.codes[known]]) == calibration.positive
    probability = calibrated_probability(calibration, score)
    right = probability if positive is None else np.where(positive, probability, 1 - probability)
    variance = float((right * (1 - right)).sum()) / right.size**2
    if calibration.calibrated:
        variance += float((calibration.resampled @ _weights(calibration.knots, score, positive)).var())
    accuracy, half = float(right.mean()), float(_Z * np.sqrt(variance))
    outside = (score < calibration.lowest) | (score > calibration.highest)
    return Expected(
        accuracy=accuracy,
        interval=(max(0.0, accuracy - half), min(1.0, accuracy + half)),
        n=int(right.size),
        outside_share=float(outside.mean()),
        estimates=None if positive is None else estimates(probability, positive, score),
    )


def estimates(probability: np.ndarray, predicted: np.ndarray, score: np.ndarray) -> Estimates:
    """Return the expected figures of rows whose probability of the positive class is known.

    Parameters
    ----------
    probability : float array, shape (n,)
        Of the positive class, 0 to 1.
    predicted : bool array, shape (n,)
        Whether the positive class was predicted.
    score : float array, shape (n,)
        What the area under the curve orders rows by; ties count half.

    Returns
    -------
    Estimates
        0 to 1 each; NaN where a figure would divide by 0.

    Examples
    --------
    >>> p = np.array([0.1, 0.4, 0.6, 0.9])
    >>> found = estimates(p, p >= 0.5, p)
    >>> round(found.accuracy, 12), round(found.precision, 12), round(found.recall, 12), round(found.f1, 12)
    (0.75, 0.75, 0.75, 0.75)
    >>> round(found.roc_auc, 12)
    0.825
    """
    true_positive, false_positive = probability[predicted].sum(), (1 - probability[predicted]).sum()
    false_negative, true_negative = probability[~predicted].sum(), (1 - probability[~predicted]).sum()
    _, group = np.unique(score, return_inverse=True)
    positive, negative = np.bincount(group, probability), np.bincount(group, 1 - probability)
    below = np.cumsum(negative) - negative / 2
    return Estimates(
        accuracy=_share(true_positive + true_negative, probability.size),
        precision=_share(true_positive, true_positive + false_positive),
        recall=_share(true_positive, true_positive + false_negative),
        f1=_share(true_positive, true_positive + 0.5 * (false_positive + false_negative)),
        roc_auc=_share((positive * below).sum(), positive.sum() * negative.sum()),
    )


def _weights(knots: np.ndarray, score: np.ndarray, positive: np.ndarray | None) -> np.ndarray:
    """Return what each knot's probability adds to the mean of "right", up to a constant.

    Interpolation is linear in the probabilities of the knots: the rows meet the knots once for all resampled fits.
    """
    sign = np.ones(score.size) if positive is None else np.where(positive, 1.0, -1.0)
    if knots.size == 1:
        return np.array([sign.mean()])
    score = np.clip(score, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, score, side="right") - 1, 0, knots.size - 2)
    part = (score - knots[left]) / (knots[left + 1] - knots[left])
    found = np.bincount(left, sign * (1 - part), knots.size) + np.bincount(left + 1, sign * part, knots.size)
    return found / score.size


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")

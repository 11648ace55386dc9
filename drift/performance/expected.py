"""Accuracy without labels: what a model's own scores promise, once it is known how far they can be believed.

Confidence-based performance estimation: scores are calibrated on labelled reference rows, and the expected accuracy is
the mean probability of the predicted class. It holds as long as the relation from input to label is unchanged: a
concept drift cannot be seen in scores.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from drift.data.samples import CategoricalSample

CAVEAT = "if the relation input -> label is unchanged"
MIN_LABELLED = 500
N_FOLDS = 5
N_BOOTSTRAP = 200
# Scores are gathered in so many groups of equal size before they are resampled: finer steps change nothing.
_MAX_KNOTS = 1_000
_BINS = 10
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


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far scores can be believed, learned from labelled reference rows.

    Attributes
    ----------
    positive : the class whose probability the score is; None where it is that of the predicted class
    knots, fitted : scores and the probabilities that they stand for; empty where scores are taken as they are
    resampled : float array, shape (n_bootstrap, n_knots), the same from resampled rows
    raw_error, error : mean calibration error before, and of the kept choice
    """

    positive: str | None
    n: int
    lowest: float
    highest: float
    raw_error: float
    error: float
    knots: np.ndarray
    fitted: np.ndarray
    resampled: np.ndarray

    @property
    def calibrated(self) -> bool:
        """Whether scores are corrected; they are not where that would not help."""
        return self.knots.size > 0


def calibrate(prediction: CategoricalSample, score: np.ndarray, label: CategoricalSample, seed: int = 0) -> Calibration:
    """Learn from labelled rows what a score means; isotonic regression [1]_, kept only if it helps on rows left out.

    Parameters
    ----------
    prediction, score, label : of the reference, shape (n,); rows where one is missing are left out
        Scores of two classes are read as the probability of the class that fits them best.

    Raises
    ------
    ValueError
        If fewer than 500 rows are labelled, all predictions are right or all wrong for want of a second class, or a
        score is no probability.

    References
    ----------
    .. [1] Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates".
    """
    known = (prediction.codes >= 0) & (label.codes >= 0) & ~np.isnan(score)
    if known.sum() < MIN_LABELLED:
        raise ValueError(f"the reference must hold {MIN_LABELLED} rows with a score and a label; got {known.sum()}.")
    score = score[known]
    if score.min() < 0 or score.max() > 1:
        raise ValueError(f"scores must lie between 0 and 1; got {score.min():.4g} to {score.max():.4g}.")
    predicted = np.array([*prediction.categories, ""], object)[prediction.codes[known]]
    truth = np.array([*label.categories, ""], object)[label.codes[known]]
    positive = _positive_class(predicted, truth, score)
    happened = (truth == positive if positive is not None else truth == predicted).astype(float)
    if happened.min() == happened.max():
        raise ValueError(f"the reference must hold two outcomes; all {len(score):,} labelled rows have the same one.")
    raw_error = calibration_error(happened, score)
    error = calibration_error(happened, _cross_fitted(score, happened, seed))
    if error >= raw_error:
        none = np.empty(0)
        return Calibration(positive, len(score), score.min(), score.max(), raw_error, raw_error, none, none, none)
    knots, hits, sizes = _gathered(score, happened)
    fitted = _possible(_isotonic(hits / sizes, sizes), len(score))
    resampled = _possible(_resampled(knots, hits, sizes, seed), len(score))
    return Calibration(positive, len(score), score.min(), score.max(), raw_error, error, knots, fitted, resampled)


def expected_accuracy(calibration: Calibration, prediction: CategoricalSample, score: np.ndarray) -> Expected | None:
    """Return what the scores of a window promise; None where no row has a prediction and a score.

    The interval joins the chance of each outcome (a Poisson binomial) and the doubt about the calibration (bootstrap).
    """
    known = (prediction.codes >= 0) & ~np.isnan(score)
    if not known.any():
        return None
    score = score[known]
    positive = None
    if calibration.positive is not None:
        positive = (np.array([*prediction.categories, ""], object)[prediction.codes[known]]) == calibration.positive
    probability = _calibrated(calibration, score)
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
    predicted : bool array, shape (n,)
        Whether the positive class was predicted.
    score : float array, shape (n,)
        What the area under the curve orders rows by; ties count half.

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


def calibration_error(happened: np.ndarray, probability: np.ndarray) -> float:
    """Return how far probabilities lie from what happened, on average over ten equally large groups.

    Examples
    --------
    >>> calibration_error(np.repeat([0.0, 1.0], 50), np.repeat([0.1, 0.9], 50)).round(12)
    np.float64(0.1)
    """
    groups = np.array_split(np.argsort(probability, kind="stable"), _BINS)
    gaps = [len(rows) * abs(happened[rows].mean() - probability[rows].mean()) for rows in groups if len(rows)]
    return sum(gaps) / len(probability)


def _positive_class(predicted: np.ndarray, truth: np.ndarray, score: np.ndarray) -> str | None:
    """Return the class whose probability the score is; None for that of the predicted class."""
    classes = sorted({*predicted, *truth})
    readings: list[str | None] = [None, *(classes if len(classes) == 2 else ())]
    losses = [
        float((((truth == name if name is not None else truth == predicted) - score) ** 2).mean()) for name in readings
    ]
    return readings[int(np.argmin(losses))]


def _cross_fitted(score: np.ndarray, happened: np.ndarray, seed: int) -> np.ndarray:
    """Return the calibrated probability of each row from a fit on the folds that it is not in."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(score), np.int64)
    for outcome in (0.0, 1.0):
        rows = rng.permutation(np.flatnonzero(happened == outcome))
        fold[rows] = np.arange(rows.size) % N_FOLDS
    found = np.empty(len(score))
    for k in range(N_FOLDS):
        knots, hits, sizes = _gathered(score[fold != k], happened[fold != k])
        found[fold == k] = np.interp(score[fold == k], knots, _isotonic(hits / sizes, sizes))
    return found


def _gathered(score: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return distinct scores in order (groups of neighbours, where there are many), and their hits and sizes."""
    values, group = np.unique(score, return_inverse=True)
    hits, sizes = np.bincount(group, happened), np.bincount(group).astype(float)
    if values.size <= _MAX_KNOTS:
        return values, hits, sizes
    block = ((np.cumsum(sizes) - sizes) * _MAX_KNOTS // sizes.sum()).astype(np.int64)
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    totals = np.add.reduceat(sizes, starts)
    return np.add.reduceat(values * sizes, starts) / totals, np.add.reduceat(hits, starts), totals


def _isotonic(means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    from scipy.optimize import isotonic_regression  # scipy.optimize takes a while to import

    fitted: np.ndarray = isotonic_regression(means, weights=sizes).x
    return fitted


def _resampled(knots: np.ndarray, hits: np.ndarray, sizes: np.ndarray, seed: int) -> np.ndarray:
    """Fit again on rows drawn with replacement."""
    rng = np.random.default_rng(seed)
    n = int(sizes.sum())
    drawn = rng.multinomial(n, np.concatenate([hits, sizes - hits]) / n, size=N_BOOTSTRAP).astype(float)
    fits = []
    for row_hits, row_misses in zip(drawn[:, : knots.size], drawn[:, knots.size :], strict=True):
        row_sizes = row_hits + row_misses
        there = row_sizes > 0
        fit = _isotonic(row_hits[there] / row_sizes[there], row_sizes[there])
        fits.append(np.interp(knots, knots[there], fit))
    return np.array(fits)


def _calibrated(calibration: Calibration, score: np.ndarray) -> np.ndarray:
    if calibration.calibrated:
        return np.interp(score, calibration.knots, calibration.fitted)
    return _possible(score, calibration.n)


def _possible(probability: np.ndarray, n: int) -> np.ndarray:
    """Keep probabilities from being quite 0 or 1: a reference of n rows cannot show so much."""
    return np.clip(probability, 1 / (n + 2), 1 - 1 / (n + 2))


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

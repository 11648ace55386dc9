"""How far a model's scores can be believed: calibrated on labelled reference rows, if that helps."""

from dataclasses import dataclass

import numpy as np

from drift.data.samples import CategoricalSample

MIN_LABELLED = 500
N_FOLDS = 5
N_BOOTSTRAP = 200
# Scores are gathered in so many groups of equal size before they are resampled: finer steps change nothing.
_MAX_KNOTS = 1_000
_BINS = 10


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far scores can be believed, learned from labelled reference rows.

    Attributes
    ----------
    positive : str or None
        The class whose probability the score is; None where it is that of the predicted class.
    n : int
        Labelled rows.
    lowest, highest : float
        The range of their scores, within 0 to 1.
    raw_error, error : float
        Mean calibration error before, and of the kept choice, 0 to 1.
    knots, fitted : float arrays, shape (n_knots,)
        Scores, ascending, and the probabilities that they stand for; empty where scores are taken as they are.
    resampled : float array, shape (n_bootstrap, n_knots)
        The same probabilities from resampled rows; empty where `knots` is.
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
    prediction, label : CategoricalSample
        Of the reference, row by row; -1 is missing.
    score : float array, shape (n,)
        0 to 1, NaN is missing. Scores of two classes are read as the probability of the class that fits them best. Rows
        where prediction, label or score is missing are left out.
    seed : int
        Of the folds and of the resampled rows.

    Returns
    -------
    Calibration
        Without knots where calibration does not help.

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


def calibrated_probability(calibration: Calibration, score: np.ndarray) -> np.ndarray:
    """Return the probability that each score stands for, shape (n,), never quite 0 or 1.

    Parameters
    ----------
    calibration : Calibration
    score : float array, shape (n,)
        Without NaN.

    Returns
    -------
    float array, shape (n,)
        Above 0 and below 1.
    """
    if calibration.calibrated:
        return np.interp(score, calibration.knots, calibration.fitted)
    return _possible(score, calibration.n)


def calibration_error(happened: np.ndarray, probability: np.ndarray) -> float:
    """Return how far probabilities lie from what happened, on average over ten equally large groups.

    Parameters
    ----------
    happened : float array, shape (n,)
        1 where it did, else 0.
    probability : float array, shape (n,)
        0 to 1, without NaN.

    Returns
    -------
    float
        0 to 1, the mean weighted by the rows of each group.

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
    """Return the closest means that never fall, weighted by `sizes`; all of shape (n_groups,)."""
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


def _possible(probability: np.ndarray, n: int) -> np.ndarray:
    """Keep probabilities from being quite 0 or 1: a reference of n rows cannot show so much."""
    return np.clip(probability, 1 / (n + 2), 1 - 1 / (n + 2))

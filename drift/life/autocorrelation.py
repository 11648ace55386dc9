"""How much neighbouring rows of a reference repeat each other: the autocorrelation factor phi."""

import numpy as np
from scipy import fft, special

from drift.life.cells import Cells

_MIN_BUCKETS = 8
# Ten buckets of independent rows scatter 1 +- .5 times as expected: one in ten may look worse than it is.
_CHANCE = 0.1
# From 40 buckets of 100 rows on, their scatter shows what strongly correlated rows have in common.
_ENOUGH_ROWS = 4_000
_BUCKET = 100
# The newest rows of a long reference are enough: a bounded cost, whatever its length.
_MOST_ROWS = 100_000
_MOST_CORRELATED = 2**15
# A category of fewer rows says nothing of how they follow each other.
_MIN_CATEGORY_ROWS = 25
# Of very many categories the rarer ones are heard together: the largest of 64 noisy estimates is far too large.
_COMMON = 0.05


def autocorrelation_factor(cells: Cells, placed: np.ndarray) -> float:
    """Return phi: how many rows of a reference carry the information of one independent row, at least 1.

    It is the largest that anything says about the normal scores of the rows, their squares, each category or the
    missing share: their correlation within a bucket, up to where it vanishes [1]_, with a standard error added
    because too small a phi alarms falsely and too large a one alarms late; and the scatter of the means of buckets
    of 100, 500, 1,000, 2,000 rows and so on up to an eighth of the reference [2]_, as far as chance does not explain
    it, which shows what wanders slowly: days that differ a little, weekends.

    Parameters
    ----------
    cells : Cells
        Laid through the reference.
    placed : int array, shape (n_rows,)
        The cell of each reference row, in time order (`Cells.place`).

    Returns
    -------
    float
        phi, at least 1, which is that of independent rows.

    References
    ----------
    .. [1] Geyer (1992), "Practical Markov chain Monte Carlo": the initial monotone sequence estimator.
    .. [2] Alexopoulos and Seila (1996), "Implementing the batch means method in simulation experiments".

    Examples
    --------
    >>> from drift.data.samples import NumericSample
    >>> from drift.life.cells import cells_from
    >>> rows = np.random.default_rng(1).normal(size=4_000)
    >>> for sample in (NumericSample(rows), NumericSample(np.repeat(rows[:400], 10))):
    ...     cells = cells_from(sample)
    ...     print(round(autocorrelation_factor(cells, cells.place(sample)), 1))
    1.6
    12.6
    """
    ratios = [1.0]
    for values in _series(cells, placed[-_MOST_ROWS:]):
        if values.var(axis=0).sum() == 0:
            continue
        ratios += [_scatter(values, length) for length in _lengths(len(values))]
        if len(values) < _ENOUGH_ROWS:
            ratios.append(_geometric(values))
        newest = values[-_MOST_CORRELATED:]
        if cells.is_split and newest.shape[1] > 1:
            ratios.append(_summed(_pooled_correlations(newest), len(newest)))
            newest = newest[:, newest.mean(axis=0) >= _COMMON]
        ratios += [_summed(_correlations(one), one.size) for one in newest.T if _can_tell(one)]
    return max(ratios)


def _lengths(n: int) -> list[int]:
    """Return how long the buckets are whose means are compared: at least 8 of each must be there."""
    lengths = [_BUCKET, 5 * _BUCKET]
    while 2 * lengths[-1] * _MIN_BUCKETS <= n:
        lengths.append(2 * lengths[-1])
    return lengths


def _series(cells: Cells, placed: np.ndarray) -> list[np.ndarray]:
    """Return what must look independent, each of shape (n_rows, n): values, their spread, missing values."""
    missing = placed == len(cells.labels) - 1
    present = placed[~missing]
    if not present.size:
        return []
    if cells.kind == "categorical":
        return [missing[:, None].astype(float), (present[:, None] == np.arange(len(cells.labels) - 1)).astype(float)]
    share = cells.mass[:-1] / cells.mass[:-1].sum()
    scores = special.ndtri(np.cumsum(share) - share / 2)[present, None]
    return [missing[:, None].astype(float), scores, scores**2]


def _pooled_correlations(values: np.ndarray) -> np.ndarray:
    """Return the autocorrelation of many categories together, each weighing as much as it varies."""
    told = values[:, values.var(axis=0) > 0]
    correlations = np.array([_correlations(one) for one in told.T])
    pooled: np.ndarray = told.var(axis=0) @ correlations / told.var(axis=0).sum()
    return pooled


def _can_tell(values: np.ndarray) -> bool:
    """Return whether enough rows lie above the smallest value, and below the largest."""
    fewest: int = min((values > values.min()).sum(), (values < values.max()).sum())
    return fewest >= _MIN_CATEGORY_ROWS


def _correlations(values: np.ndarray) -> np.ndarray:
    """Return the autocorrelation at each distance shorter than a bucket, 0 first, and below half of the rows.

    A straight trend is taken out: it is drift within the reference, not repetition.
    """
    n = values.size
    time = np.arange(n) - (n - 1) / 2
    detrended = values - values.mean() - time * (time @ values / (time @ time))
    size = fft.next_fast_len(2 * n, real=True)
    transformed = fft.rfft(detrended, size)
    covariances = fft.irfft(transformed.real**2 + transformed.imag**2, size)[:n]
    correlations: np.ndarray = covariances[: min(n // 4 * 2, _BUCKET)] / covariances[0]
    return correlations


def _summed(correlations: np.ndarray, n: int) -> float:
    """Return phi of one series, a standard error above its estimate.

    From ten buckets on it is no larger than two standard errors above what the mean of a bucket shows: a cycle that
    averages out within a bucket is not repetition.
    """
    pairs = correlations[0::2] + correlations[1::2]
    until = int((pairs <= 0).argmax()) if (pairs <= 0).any() else pairs.size
    pairs = np.minimum.accumulate(pairs[: max(until, 1)])
    phi = _upper(max(2 * float(pairs.sum()) - 1, 0.0), (4 * pairs.size - 1) / n, 2.0, 1.0)
    if n < 10 * _BUCKET:
        return phi
    weights = 1 - np.arange(1, _BUCKET) / _BUCKET
    within = 1 + 2 * float((weights * correlations[1:]).sum())
    return min(phi, _upper(within, _BUCKET / n, 4 / 3, 2.0))


def _upper(estimate: float, share: float, scatter: float, n_errors: float) -> float:
    """Raise an estimate from distances that make up a `share` of the rows by its bias and some standard errors.

    Each correlation comes out too small by 2 phi / n, for the mean and the trend taken out, and the variance of the
    sum over phi squared is `scatter * share` (Priestley 1981, 6.2.4: twice the share of distances used, two thirds of
    it under triangular weights).
    """
    return estimate / max(1 - 2 * share, 0.2) * (1 + n_errors * float(np.sqrt(scatter * share)))


def _scatter(values: np.ndarray, length: int) -> float:
    """Return the variance of bucket means over that of independent rows, less what chance explains."""
    n_buckets = len(values) // length
    if n_buckets < _MIN_BUCKETS:
        return 1.0
    means = values[: n_buckets * length].reshape(n_buckets, length, -1).mean(axis=1)
    ratio = float(length * means.var(axis=0, ddof=1).sum() / values.var(axis=0).sum())
    df = n_buckets - 1
    return ratio * df / float(special.chdtri(df, _CHANCE))


def _geometric(values: np.ndarray) -> float:
    """Return phi of a series whose correlation fades geometrically from that of its neighbours."""
    centred = values - values.mean(axis=0)
    correlation = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    correlation = min(max(correlation, 0.0), 1 - 1 / len(values))
    return (1 + correlation) / (1 - correlation)

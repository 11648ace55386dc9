"""How large a difference is, in measures and words that do not depend on the sample size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from drift.data.samples import MAX_DISTINCT

# From so many standard errors on, a category has clearly gained or lost.
_CLEAR = 1.5
# Among hundreds of categories, one in a few hundred lies this far by chance.
_BEYOND_CHANCE = 3.0
# A category of a smaller share of the reference is judged by its rate, which at least doubles or halves.
RARE, LARGE_RATIO = 0.05, 2.0
_SMALLEST_RATIO = 1e-9


def shares_at(reference_sorted: np.ndarray, current_sorted: np.ndarray, location: float) -> tuple[float, float]:
    """Return the shares of reference and current values that are at most `location`.

    At the location of the KS distance they say in words what D is: "71 % of reference rows were <= 0.54, now 52 %".

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, shapes (n_reference,) and (n_current,)
        Ascending, without NaN, not empty.
    location : float

    Returns
    -------
    reference, current : float
        0 to 1.

    Examples
    --------
    >>> shares_at(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]), 2.0)
    (0.5, 0.0)
    """
    below = (np.searchsorted(values, location, side="right") for values in (reference_sorted, current_sorted))
    reference, current = (int(k) / n for k, n in zip(below, (reference_sorted.size, current_sorted.size), strict=True))
    return reference, current


def wasserstein_in_sd(reference_sorted: np.ndarray, current_sorted: np.ndarray) -> float:
    """Return how far the values moved on average, in standard deviations of the reference.

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, shapes (n_reference,) and (n_current,)
        Ascending, finite, not empty.

    Returns
    -------
    float
        At least 0; infinite where a constant moved.

    Examples
    --------
    >>> round(wasserstein_in_sd(np.array([0.0, 1, 2]), np.array([1.0, 2, 3])), 4)
    1.2247
    """
    both = np.sort(np.concatenate([reference_sorted, current_sorted]))
    share_reference = np.searchsorted(reference_sorted, both[:-1], side="right") / reference_sorted.size
    share_current = np.searchsorted(current_sorted, both[:-1], side="right") / current_sorted.size
    moved = float((np.abs(share_reference - share_current) * np.diff(both)).sum())
    spread = float(reference_sorted.std())
    return moved / spread if spread > 0 else (0.0 if moved == 0 else float("inf"))


def moved_share(reference_counts: ArrayLike, current_counts: ArrayLike) -> float:
    """Return the total variation of two samples without the part that chance alone adds up over many categories.

    Up to 20 categories it is the plain one. Beyond, a healthy column would seem to have moved by its noise, .24 at 300
    categories and 1,000 rows. So each row is judged by the other rows: it counts for a category that gained (or lost)
    only as far as the others say that the category did. Where nothing moved the expectation is 0; where categories
    moved by more than chance, the whole move counts.

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_categories,)
        Categories in the same order, both samples not empty.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> moved_share([50, 50], [70, 30])
    0.2
    >>> half_gone = np.repeat([20, 0], 150)
    >>> round(moved_share(np.full(300, 50), half_gone), 2)
    0.5
    """
    table = np.array([reference_counts, current_counts], float)
    reference, current = table[:, table.any(axis=0)]
    return float(moved_shares(reference, current[None])[0])


def moved_shares(reference_counts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return `moved_share` of many windows together.

    Parameters
    ----------
    reference_counts : int array, shape (n_categories,)
    counts : int array, shape (n_windows, n_categories)
        No category empty in both, no window empty.

    Returns
    -------
    float array, shape (n_windows,)
        0 to 1.

    Examples
    --------
    >>> moved_shares(np.array([50, 50]), np.array([[70, 30], [5, 5]]))
    array([0.2, 0. ])
    """
    reference, current = reference_counts.astype(float), counts.astype(float)
    n, m = reference.sum(), current.sum(axis=1, keepdims=True)
    if reference.size <= MAX_DISTINCT:
        plain: np.ndarray = np.round(np.abs(reference / n - current / m).sum(axis=1) / 2, 12)
        return plain
    share = (reference + current) / (n + m)
    spread = np.sqrt(share * (1 - share) * (1 / n + 1 / m))

    with_current = (current - 1) / (m - 1) - reference / n
    with_reference = current / m - (reference - 1) / (n - 1)
    # How many standard errors make an unclear category one that gained: moves of few categories stand out best where
    # the others count as unmoved, moves of many where they count half.
    moved = [
        (current / m * _ramp(with_current / spread + offset) - reference / n * _ramp(with_reference / spread + offset))
        for offset in (-_CLEAR, 0.0, _CLEAR)
    ]
    most: np.ndarray = np.clip(np.max([part.sum(axis=1) for part in moved], axis=0), 0, 1)
    return most


def _ramp(score: np.ndarray) -> np.ndarray:
    """Return how far scores are counted as a gain: 0 up to -1.5, 1 from 1.5 on, of the same shape."""
    return np.clip(0.5 + score / (2 * _CLEAR), 0, 1)


def adjusted_residuals(reference_counts: ArrayLike, current_counts: ArrayLike) -> np.ndarray:
    """Return per category how many standard errors the current count lies above its expectation [1]_.

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_categories,)
        Categories in the same order, both samples not empty.

    Returns
    -------
    float array, shape (n_categories,)
        About standard normal where nothing moved; 0 for a category that holds no row, or all.

    References
    ----------
    .. [1] Haberman (1973), "The analysis of residuals in cross-classified tables".

    Examples
    --------
    >>> adjusted_residuals([500, 500], [60, 40]).round(2)
    array([ 1.91, -1.91])
    """
    table = np.array([reference_counts, current_counts], float)
    rows, columns, total = table.sum(axis=1, keepdims=True), table.sum(axis=0), table.sum()
    expected = rows * columns / total
    spread = np.sqrt(expected * (1 - rows / total) * (1 - columns / total))
    residuals = np.divide(table - expected, spread, out=np.zeros(table.shape), where=spread > 0)
    current: np.ndarray = residuals[1]
    return current


@dataclass(frozen=True)
class Mover:
    """A category that gained or lost: points of traffic, and standard errors beyond what chance explains."""

    category: str
    points: float
    residual: float


def movers(
    names: Sequence[str], reference_counts: ArrayLike, current_counts: ArrayLike, n: int = 5
) -> tuple[Mover, ...]:
    """Return the categories that moved most; those that moved beyond chance come before those that did not.

    Parameters
    ----------
    names : sequence of str, n_categories long
    reference_counts, current_counts : counts, shape (n_categories,)
    n : int
        How many are returned at most.

    Returns
    -------
    tuple of Mover
        Of categories that moved at all; within chance or beyond it, the most points first.

    Examples
    --------
    >>> found = movers(("red", "blue", "green"), [500, 500, 0], [60, 40, 0])
    >>> [(mover.category, round(mover.points, 1), round(mover.residual, 1)) for mover in found]
    [('red', 10.0, 1.9), ('blue', -10.0, -1.9)]
    """
    reference, current = np.asarray(reference_counts, float), np.asarray(current_counts, float)
    points = 100 * (current / current.sum() - reference / reference.sum())
    residuals = adjusted_residuals(reference, current)
    order = np.lexsort((-np.abs(points), np.abs(residuals) < _BEYOND_CHANCE))
    return tuple(Mover(names[k], float(points[k]), float(residuals[k])) for k in order if points[k])[:n]


@dataclass(frozen=True)
class Rate:
    """A rare category that comes far more or less often: its rows, of how many, before and now."""

    category: str
    before: int
    n_before: int
    now: int
    n_now: int

    @property
    def ratio(self) -> float:
        """How many times as often it comes."""
        return (self.now / self.n_now) / (self.before / self.n_before)


def changed_rate(names: Sequence[str], reference_counts: np.ndarray, current_counts: np.ndarray) -> Rate | None:
    """Return the rare category of the reference whose rate changed most, beyond chance and at least twofold.

    Points of traffic say nothing of a class that holds hardly any traffic.

    Parameters
    ----------
    names : n_categories names
    reference_counts, current_counts : int arrays, shape (n_categories,)
        Rows of each.

    Returns
    -------
    Rate or None
        None where no rare category changed so far, or one of the samples is empty.

    Examples
    --------
    >>> found = changed_rate(("no", "yes"), np.array([9_980, 20]), np.array([990, 10]))
    >>> found.category, round(found.ratio, 1)
    ('yes', 5.0)
    """
    n_before, n_now = int(reference_counts.sum()), int(current_counts.sum())
    if not n_before or not n_now:
        return None
    residuals = np.abs(adjusted_residuals(reference_counts, current_counts))
    rare = (reference_counts > 0) & (reference_counts < RARE * n_before) & (residuals >= _BEYOND_CHANCE)
    found = [
        Rate(names[k], int(reference_counts[k]), n_before, int(current_counts[k]), n_now) for k in rare.nonzero()[0]
    ]
    far = [rate for rate in found if not 1 / LARGE_RATIO < rate.ratio < LARGE_RATIO]
    return max(far, key=lambda rate: max(rate.ratio, 1 / max(rate.ratio, _SMALLEST_RATIO)), default=None)


def quantile_table(
    reference_sorted: np.ndarray,
    current_sorted: np.ndarray,
    levels: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
) -> list[tuple[float, float, float]]:
    """Return (level, reference quantile, current quantile) for each level.

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, shapes (n_reference,) and (n_current,)
        Without NaN, not empty.
    levels : floats, 0 to 1

    Returns
    -------
    list of (float, float, float)
        As long as `levels`, in their order.

    Examples
    --------
    >>> quantile_table(np.arange(101.0), np.arange(101.0) + 10, [0.5])
    [(0.5, 50.0, 60.0)]
    """
    reference, current = (np.quantile(values, levels) for values in (reference_sorted, current_sorted))
    return list(zip(levels, reference.tolist(), current.tolist(), strict=True))

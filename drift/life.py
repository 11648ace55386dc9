"""False alarms counted over a monitor's life instead of per look, and rows that are not independent."""

from dataclasses import dataclass
from math import log2

import numpy as np
from scipy import special

from drift.cells import Cells

_MIN_BUCKETS = 8
# Ten buckets of independent rows scatter 1 +- .5 times as expected: one in ten may look worse than it is.
_CHANCE = 0.1
# Below 40 buckets of 100 rows, phi of strongly correlated rows comes out too small too often.
_ENOUGH_ROWS = 4_000
# A Pearson cell is trusted from this expected count on; rarer ones are pooled.
_MIN_EXPECTED = 5.0


@dataclass(frozen=True, kw_only=True)
class LifeRule:
    """When an alarm sounds: at most a share `alpha` of healthy lives of `horizon` rows hears one, over all columns.

    Half of `alpha` is the betting score's and half the sliding window's, which has `window` rows and is looked at
    every `stride` rows.
    """

    alpha: float = 0.05
    window: int = 1_000
    stride: int = 100
    horizon: int = 20_000

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1; got {self.alpha}.")
        if not 1 <= self.stride <= self.window <= self.horizon:
            raise ValueError(
                "stride, window and horizon must be 1 <= stride <= window <= horizon; "
                f"got {self.stride}, {self.window} and {self.horizon}."
            )
        if self.window % self.stride:
            raise ValueError(f"window must be a multiple of stride; got {self.window} and {self.stride}.")

    @property
    def buckets_per_window(self) -> int:
        """Buckets of `stride` rows in a window."""
        return self.window // self.stride

    def betting_threshold(self, n_columns: int) -> float:
        """Return the betting score that alarms; a healthy column gets there once per so many rows on average."""
        return 2 * n_columns * self.horizon / self.alpha

    def life_p(self, p_value: np.ndarray, n_columns: int) -> np.ndarray:
        """Turn the p-value of one look at one column into that of all looks at all columns over the horizon.

        Windows that overlap share rows: a horizon of T/w separate windows counts as kappa * T/w looks, with
        kappa = 1 + 1.6 log2(window / stride) from simulated healthy lives.

        Examples
        --------
        >>> LifeRule().life_p(np.array([1e-4, 0.5]), n_columns=1).round(5)
        array([0.01263, 1.     ])
        """
        kappa = 1 + 1.6 * log2(self.window / self.stride)
        return np.minimum(1.0, p_value * (kappa * n_columns * self.horizon / self.window))


def window_p_values(cells: Cells, counts: np.ndarray, phi: float = 1.0) -> np.ndarray:
    """Return the p-value of each window of counts against the reference.

    Ordered cells of more than 20 values are compared by their KS distance (on cells it is a lower bound: never a
    false alarm more), others by Pearson's 2xK table. Missing values are left out: the betting score watches them.

    Parameters
    ----------
    counts : int array, shape (n_windows, n_cells)
    phi : how many rows carry the information of one independent row
    """
    present = np.atleast_2d(counts)[:, :-1] / phi
    reference = cells.reference_counts[:-1] / phi
    if not reference.sum():
        return np.ones(len(present))
    if cells.ranked:
        return _ks_p_values(reference, present)
    return _pearson_p_values(reference, present)


def _ks_p_values(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return Kolmogorov's limit with Stephens' correction (1970): .02 decades off at most where an alarm begins."""
    n, m = reference.sum(), current.sum(axis=1)
    steps = np.cumsum(reference) / n - np.cumsum(current, axis=1) / np.maximum(m, 1)[:, None]
    root = np.sqrt(n * m / (n + m))
    with np.errstate(divide="ignore"):
        scale = np.where(root > 0, root + 0.12 + 0.11 / root, 0.0)
    p_values: np.ndarray = special.kolmogorov(scale * np.abs(steps).max(axis=1))
    return p_values


def _pearson_p_values(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    n, m = reference.sum(), current.sum(axis=1, keepdims=True)
    both = reference + current
    expected = both * (m / (n + m))
    rare = expected < _MIN_EXPECTED
    excess = current - expected
    # The variance of a cell's excess is expected * n / (n + m); what is rare forms one cell.
    # Multiplied last: the sum of rounded parts of a pool of exactly 5 would be a little less than 5.
    pooled_expected = np.where(rare, both, 0.0).sum(axis=1) * m[:, 0] / (n + m[:, 0])
    pooled_excess = np.where(rare, excess, 0.0).sum(axis=1)
    terms = np.where(rare, 0.0, excess**2 / np.maximum(expected, _MIN_EXPECTED)).sum(axis=1)
    has_pool = pooled_expected >= _MIN_EXPECTED
    terms += np.where(has_pool, pooled_excess**2 / np.maximum(pooled_expected, _MIN_EXPECTED), 0.0)
    df = (~rare).sum(axis=1) + has_pool - 1
    statistic = terms * ((n + m) / n)[:, 0]
    return np.where(df > 0, special.chdtrc(np.maximum(df, 1), statistic), 1.0)


def autocorrelation_factor(cells: Cells, placed: np.ndarray) -> float:
    """Return phi: how many rows of a reference carry the information of one independent row, at least 1.

    The means of buckets of 100 and 500 rows scatter more than those of independent rows when neighbours are alike
    (batch means [1]_); few buckets of 500 count as far as chance does not explain their scatter. Where a reference has
    too few buckets to tell, the correlation of neighbours speaks too, as if it faded geometrically. The largest ratio
    counts, over the normal scores of the rows and their squares, or over the categories together.

    Parameters
    ----------
    placed : int array
        The cell of each reference row, in time order (`Cells.place`).

    References
    ----------
    .. [1] Alexopoulos and Seila (1996), "Implementing the batch means method in simulation experiments".
    """
    ratios = [1.0]
    for values in _series(cells, placed):
        if values.var(axis=0).sum() == 0:
            continue
        ratios += [_scatter(values, 100), _scatter(values, 500, _CHANCE)]
        if len(values) < _ENOUGH_ROWS:
            ratios.append(_geometric(values))
    return max(ratios)


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


def _scatter(values: np.ndarray, length: int, chance: float | None = None) -> float:
    """Return the variance of bucket means over that of independent rows, less what `chance` explains if given."""
    n_buckets = len(values) // length
    if n_buckets < _MIN_BUCKETS:
        return 1.0
    means = values[: n_buckets * length].reshape(n_buckets, length, -1).mean(axis=1)
    ratio = float(length * means.var(axis=0, ddof=1).sum() / values.var(axis=0).sum())
    df = n_buckets - 1
    return ratio if chance is None else ratio * df / float(special.chdtri(df, chance))


def _geometric(values: np.ndarray) -> float:
    """Return phi of a series whose correlation fades geometrically from that of its neighbours."""
    centred = values - values.mean(axis=0)
    correlation = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    correlation = min(max(correlation, 0.0), 1 - 1 / len(values))
    return (1 + correlation) / (1 - correlation)

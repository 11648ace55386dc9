"""False alarms counted over a monitor's life instead of per look."""

from dataclasses import dataclass
from math import log2

import numpy as np
from scipy import special

from drift.life.cells import Cells
from drift.statistics.rare import more_often_p_value

# Up to here a one-sided p-value is far from any alarm.
_CERTAINLY_CHANCE = 1.5
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


# The rule that every model is watched by.
RULE = LifeRule()


def window_p_values(cells: Cells, counts: np.ndarray, phi: float = 1.0) -> np.ndarray:
    """Return the p-value of each window of counts against the reference.

    Ordered cells of more than 20 values are compared by their KS distance (on cells it is a lower bound: never a
    false alarm more), others by Pearson's 2xK table, in which unseen categories have the mass that the bets give them.
    Beside very many categories unseen ones have an exact test too. Missing values are left out: the betting score
    watches them.

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
        return kolmogorov_p_values(reference, present)
    if cells.kind == "categorical" and cells.mass[-2] > 1:
        reference[-1] = cells.mass[-2] / phi
    p_values = _pearson_p_values(reference, present)
    if not cells.is_split:
        return p_values
    # Beside so many categories Pearson's test leaves a new one out for long: two tests, each at half the price.
    return np.minimum(1.0, 2 * np.minimum(p_values, more_often_p_values(cells, counts, len(cells.labels) - 2, phi)))


def more_often_p_values(cells: Cells, counts: np.ndarray, at: int, phi: float = 1.0) -> np.ndarray:
    """Return per window the one-sided p-value of the cell `at` not having become more frequent.

    Exact where the normal approximation leaves a doubt: the few wrong predictions of a good model scatter askew.

    Parameters
    ----------
    counts : int array, shape (n_windows, n_cells)
    phi : how many rows carry the information of one independent row
    """
    present = np.atleast_2d(counts)[:, :-1] / phi
    reference = cells.reference_counts[:-1] / phi
    n, m = float(reference.sum()), present.sum(axis=1)
    hits, hits_before = present[:, at], float(reference[at])
    share = (hits + hits_before) / np.maximum(m + n, 1)
    spread = np.sqrt(share * (1 - share) * (1 / max(n, 1) + 1 / np.maximum(m, 1)))
    score = np.divide(hits / np.maximum(m, 1) - hits_before / max(n, 1), spread, out=np.zeros(len(m)), where=spread > 0)
    p_values: np.ndarray = special.ndtr(-score)
    for k in np.flatnonzero(score > _CERTAINLY_CHANCE):
        p_values[k] = more_often_p_value(round(n), round(hits_before), round(m[k]), round(hits[k]))
    return p_values


def kolmogorov_p_values(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return Kolmogorov's limit with Stephens' correction (1970): .02 decades off at most where an alarm begins.

    Parameters
    ----------
    reference : counts of ordered cells, shape (n_cells,), or one row per window
    current : shape (n_windows, n_cells)
    """
    n, m = reference.sum(axis=-1), current.sum(axis=1)
    before = np.cumsum(reference, axis=-1) / n[..., None]
    steps = before - np.cumsum(current, axis=1) / np.maximum(m, 1)[:, None]
    root = np.sqrt(n * m / (n + m))
    with np.errstate(divide="ignore"):
        scale = np.where(root > 0, root + 0.12 + 0.11 / root, 0.0)
    p_values: np.ndarray = special.kolmogorov(scale * np.abs(steps).max(axis=1))
    return p_values


def _pearson_p_values(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Return the p-values of Pearson's 2xK tables of many windows.

    Rare is what expects few rows of the window, and a pool that stays rare is left out. In `statistics.two_sample`
    the smaller sample decides and the pool grows instead: the rule of a life is calibrated as it stands here.

    Parameters
    ----------
    reference : counts, shape (n_cells,)
    current : counts, shape (n_windows, n_cells)
    """
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

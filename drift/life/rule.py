"""The alarm that holds for life: false alarms are counted over a monitor's life instead of per look.

Of a healthy column, 20 separate windows tested at .05 raise an alarm with a chance of 64 %, and nobody stops after 20.
So the question is another one here: of all healthy lives of `horizon` rows, how many hear an alarm at all, of any
column, however often one looks? At most a share `alpha`; each column gets an equal part of it, and stakes half on each
of two detectors, which see a bucket of `stride` rows at a time:

**The betting score** gathers evidence from the reference on. Experts bet on how the counts of the next bucket will
differ; while nothing changes no way of betting makes money on average, so a score of A is reached within T healthy rows
with probability at most T / A [1]_ [2]_. It alarms at ``A = 2 * n_columns * horizon / alpha``, and says which bet won
and since when.

**The window** compares the newest `window` rows with the reference, by a KS test on cells [3]_ or Pearson's 2xK table,
and alarms where the p-value, made that of all looks of a life (`LifeRule.life_p`), is at most ``alpha / 2``. Nobody has
to have bet on what it finds.

An alarm latches: it stays until a person answers it or the reference is replaced. Rows pass through these files:

- `cells` are the few bins that a reference lays through its column; whatever follows sees counts in them.
- `autocorrelation` tells phi, how many rows carry the information of one independent row [4]_: all counts are divided
  by it, for rows that repeat each other would look like evidence.
- `betting` holds the experts and the score; this file the rule itself and the p-values of the window.
- `evidence` joins both to where a column stands, and `advance` takes it a bucket further; `abreast` does so for many
  columns at once.
- `intake` brings buckets from a log to the evidence, and stores it in a `ledger`, where the next look goes on.
- `latch` says what an alarm makes of the verdict of a window: it is green without one, and with one the effect decides.
- `replay` watches halves of the reference against its other halves, and counts what the rule says of them.

`python -m tests.calibration` measures whether the promise is kept.

References
----------
.. [1] Shin, Ramdas and Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection".
.. [2] Pollak (1985), "Optimal detection of a change in distribution": the Shiryaev-Roberts statistic.
.. [3] Stephens (1970), "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive
   tables".
.. [4] Geyer (1992), "Practical Markov chain Monte Carlo": the initial monotone sequence estimator.
"""

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

        Parameters
        ----------
        p_value : float array of any shape
            Of one look at one column, 0 to 1.
        n_columns : int
            How many columns share alpha.

        Returns
        -------
        float array of the same shape
            0 to 1. The window alarms at half of alpha.

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
    cells : Cells
    counts : int array, shape (n_windows, n_cells)
        Rows per cell; the last one holds the missing values.
    phi : float
        How many rows carry the information of one independent row.

    Returns
    -------
    float array, shape (n_windows,)
        0 to 1; 1 where the reference or the window holds no value.

    Examples
    --------
    >>> from drift.data.samples import CategoricalSample
    >>> from drift.life.cells import cells_from
    >>> cells = cells_from(CategoricalSample(np.repeat([0, 1], 500), ("no", "yes")))
    >>> window_p_values(cells, np.array([[52, 48, 0, 0], [65, 35, 0, 0]])).round(4)
    array([0.7029, 0.0042])
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
    cells : Cells
    counts : int array, shape (n_windows, n_cells)
        Rows per cell; the last one holds the missing values.
    at : int
        The cell of which only more is evidence.
    phi : float
        How many rows carry the information of one independent row.

    Returns
    -------
    float array, shape (n_windows,)
        0 to 1, small where the cell holds a larger share than in the reference.
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
    """Return the p-values of KS distances on cells: Kolmogorov's limit with Stephens' correction [1]_.

    It is .02 decades off at most where an alarm begins.

    Parameters
    ----------
    reference : counts of ordered cells, shape (n_cells,), or (n_windows, n_cells) for a reference per window
        Divided by phi, so not always whole; not all zero.
    current : counts, shape (n_windows, n_cells)

    Returns
    -------
    float array, shape (n_windows,)
        0 to 1; 1 for an empty window.

    References
    ----------
    .. [1] Stephens (1970), "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without extensive
       tables".
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

    Rare is what expects few rows of the window, and a pool that stays rare is left out. In `statistics.chi_squared`
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

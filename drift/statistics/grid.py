"""A grid of about 1,024 cells over a reference: counts on it bound the KS distance of any number of rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift.data.samples import NumericReference
from drift.statistics.stability import quantile_edges

N_CELLS = 1024
# Two constants this close, relative to their size, are one: 0.1 + 0.2 against 0.3.
SAME = 1e-9
# Windows compared together: their temporaries stay in the processor's cache.
_AT_ONCE = 32
_LARGEST = np.finfo(np.float64).max
# Of one column: ascending edges, or None where its categories are the cells.
Edges = np.ndarray | None


@dataclass(frozen=True, eq=False)
class ColumnCounts:
    """One column of many windows, counted on the cells of a reference.

    Attributes
    ----------
    up_to : int array, shape (n_windows, n_cells)
        Rows in a cell or one before it, as distribution functions have it: per cell between `edges` or category code.
    n_missing : int array, shape (n_windows,)
        Rows without a value.
    edges : float array, or None for a categorical column
    categories : names of the codes
    """

    up_to: np.ndarray
    n_missing: np.ndarray
    edges: np.ndarray | None = None
    categories: tuple[str, ...] = ()

    @property
    def counts(self) -> np.ndarray:
        """Rows per cell, int array of shape (n_windows, n_cells)."""
        return np.diff(self.up_to, axis=1, prepend=self.up_to.dtype.type(0))

    @property
    def n_values(self) -> np.ndarray:
        """Rows with a value, int array of shape (n_windows,)."""
        n_windows, n_cells = self.up_to.shape
        return self.up_to[:, -1].astype(np.int64) if n_cells else np.zeros(n_windows, np.int64)


def grid_edges(reference: NumericReference) -> np.ndarray:
    """Return the borders of the cells: cell i holds ``edges[i - 1] < value <= edges[i]``.

    Each cell holds about 1/1024 of the reference. A value that holds more has a cell of its own, and so has each
    infinity, and every value of a reference that holds only a few different ones. The cells do not depend on anything
    but the reference, so counts of years ago can be compared with those of today.

    Parameters
    ----------
    reference : NumericReference

    Returns
    -------
    float array, shape (n_cells - 1,)
        Ascending, none twice. The first cell has no lower end, the last no upper one.

    Examples
    --------
    >>> from drift.data.samples import NumericSample
    >>> edges = grid_edges(NumericReference.from_sample(NumericSample(np.arange(5000.0))))
    >>> edges.size, edges[1:4], edges[-2:]
    (1033, array([-5.e-324,  4.e+000,  9.e+000]), array([4.99900000e+003, 1.79769313e+308]))
    """
    if reference.distinct.size:
        known, slack = reference.distinct, slack_of(reference.distinct)
        return np.unique(np.concatenate([np.nextafter(known - slack, -np.inf), known + slack]))
    ordered, finite = reference.ordered, reference.finite
    beyond = np.array([-np.inf, _LARGEST])
    if finite.size == 0:
        return beyond
    at = np.ceil(np.arange(1, N_CELLS) * (ordered.size / N_CELLS)).astype(np.int64) - 1
    quantiles = np.unique(np.concatenate([ordered[np.maximum(at, 0)], quantile_edges(ordered)]))
    quantiles = quantiles[np.isfinite(quantiles)]
    held = np.searchsorted(ordered, quantiles, side="right") - np.searchsorted(ordered, quantiles, side="left")
    atoms = quantiles[held * N_CELLS >= ordered.size]
    below = np.nextafter(np.append(atoms, finite[0]), -np.inf)
    return np.unique(np.concatenate([quantiles, below, finite[-1:], beyond]))


@dataclass(frozen=True, eq=False)
class ReferenceGrid:
    """A numeric reference on its cells: where things lie, and by how much distances are bound; found when asked for."""

    reference: NumericReference

    @cached_property
    def edges(self) -> np.ndarray:
        """The borders of its cells, float array of shape (n_cells - 1,)."""
        return grid_edges(self.reference)

    @cached_property
    def up_to(self) -> np.ndarray:
        """Its rows in each cell or one before it, int array of shape (n_cells,)."""
        return np.cumsum(cell_counts(self.reference.ordered, self.edges))

    @cached_property
    def shares(self) -> np.ndarray:
        """The shares of its rows in each cell or one before it, float array of shape (n_cells,), 0 to 1."""
        shares: np.ndarray = self.up_to / self.reference.ordered.size
        return shares

    @cached_property
    def bound(self) -> float:
        """By how much a KS distance may be larger than it is at the edges."""
        return largest_open_share(np.diff(self.up_to, prepend=0), self.edges)

    @cached_property
    def locations(self) -> np.ndarray:
        """Its largest value up to each edge, which is what people can read, float array of shape (n_cells,)."""
        ordered, up_to = self.reference.ordered, self.up_to[:-1]
        return np.append(np.where(up_to > 0, ordered[np.maximum(up_to - 1, 0)], self.edges), np.inf)

    @cached_property
    def tenths(self) -> np.ndarray:
        """The last cells of its ten bins, int array of shape (10,); shorter where its quantiles coincide."""
        return np.append(np.searchsorted(self.edges, quantile_edges(self.reference.ordered)), self.edges.size)

    @cached_property
    def tenth_counts(self) -> np.ndarray:
        """Its rows in each of the ten bins, int array of shape (10,); shorter where its quantiles coincide."""
        return np.diff(self.up_to[self.tenths], prepend=0)

    @cached_property
    def below(self) -> int:
        """The cell just below its smallest finite value."""
        finite = self.reference.finite
        return int(np.searchsorted(self.edges, np.nextafter(finite[0], -np.inf))) if finite.size else 0

    @cached_property
    def highest(self) -> int:
        """The cell of its largest finite value."""
        finite = self.reference.finite
        return int(np.searchsorted(self.edges, finite[-1])) if finite.size else 0

    @property
    def has_infinity(self) -> bool:
        """Whether one of its values is infinite."""
        return self.reference.finite.size < self.reference.ordered.size


def slack_of(known: np.ndarray) -> np.ndarray:
    """Return by how much a number may differ from each of a few ascending ones and still count as that one.

    Parameters
    ----------
    known : float array, shape (n_known,)
        Ascending, without NaN.

    Returns
    -------
    float array, shape (n_known,)
        At least 0; all 0 where two numbers would otherwise count as each other.

    Examples
    --------
    >>> slack_of(np.array([1.0, 2.0]))
    array([1.e-09, 2.e-09])
    """
    slack = np.where(np.isfinite(known), SAME * np.abs(known), 0.0)
    with np.errstate(over="ignore"):
        overlap = (np.diff(known) <= slack[1:] + slack[:-1]).any()
    return np.zeros(known.size) if overlap else slack


def cell_counts(ordered: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count ascending values in the cells of a grid; NaN, which sorts last, is in none.

    Parameters
    ----------
    ordered : float array, shape (n,)
        Ascending; NaN last.
    edges : float array, shape (n_cells - 1,)
        Ascending.

    Returns
    -------
    int array, shape (n_cells,)

    Examples
    --------
    >>> cell_counts(np.array([1.0, 2.0, 2.5, np.nan]), np.array([1.0, 2.0]))
    array([1, 1, 1])
    """
    n = int(np.searchsorted(ordered, np.nan))
    return np.diff(np.concatenate([[0], np.searchsorted(ordered[:n], edges, side="right"), [n]]))


def largest_open_share(counts: np.ndarray, edges: np.ndarray) -> float:
    """Return the largest share of a reference's rows that one cell holds which can hold different values.

    By so much can a distribution function lead inside a cell beyond what it leads by at the cell's edges: all rows of
    one sample may come there before all rows of the other.

    Parameters
    ----------
    counts : int array, shape (n_cells,)
        Rows of the reference per cell, not all zero.
    edges : float array, shape (n_cells - 1,)
        Ascending.

    Returns
    -------
    float
        0 to 1; 0 where every cell that holds rows holds a single value.

    Examples
    --------
    >>> largest_open_share(np.array([5, 1, 2, 2]), np.array([-np.inf, 1.0, 3.0]))
    0.2
    """
    with np.errstate(over="ignore"):
        lowest = np.concatenate([[-np.inf], np.nextafter(edges, np.inf)])
    is_open = lowest < np.append(edges, np.inf)
    return float(counts[is_open].max(initial=0) / counts.sum())


def distances_on_grid(reference_shares: np.ndarray, up_to: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far apart the distribution functions of a reference and of many windows are at the edges of cells.

    The KS distance is at least that, and at most `largest_open_share` more.

    Parameters
    ----------
    reference_shares : float array, shape (n_cells,)
        Share of the reference's rows in each cell or one before it.
    up_to : int array, shape (n_windows, n_cells), no window empty
        See `ColumnCounts`.

    Returns
    -------
    distance : float array, shape (n_windows,)
    edge : int array, shape (n_windows,)
        The edge where they are so far apart.
    reference_leads : bool array, shape (n_windows,)
        Whether the reference has the larger share of rows up to that edge.

    Examples
    --------
    >>> distances_on_grid(np.array([0.5, 1.0, 1.0]), np.array([[0, 2, 4], [2, 4, 4]]))
    (array([0.5, 0. ]), array([0, 0]), array([ True,  True]))
    """
    parts = []
    for first in range(0, len(up_to), _AT_ONCE):
        part = up_to[first : first + _AT_ONCE]
        gap = part / -part[:, -1:].astype(np.float64)
        gap += reference_shares
        most, least = np.argmax(gap, axis=1), np.argmin(gap, axis=1)
        rows = np.arange(len(gap))
        above, below = gap[rows, most], -gap[rows, least]
        leads = above >= below
        parts.append((np.where(leads, above, below), np.where(leads, most, least), leads))
    distance, edge, reference_leads = (np.concatenate(column) for column in zip(*parts, strict=True))
    return distance, edge, reference_leads

"""A grid of about 1,024 cells over a reference: counts on it bound the KS distance of any number of rows."""

from dataclasses import dataclass

import numpy as np

from drift.effects import quantile_edges
from drift.samples import NumericReference

N_CELLS = 1024
# Two constants this close, relative to their size, are one: 0.1 + 0.2 against 0.3.
SAME = 1e-9
# Windows compared together: their temporaries stay in the processor's cache.
_AT_ONCE = 32
_LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, eq=False)
class ColumnCounts:
    """One column of many windows, counted on the cells of a reference.

    Attributes
    ----------
    counts : int array, shape (n_windows, n_cells)
        Rows per cell: per cell between `edges` or per category code.
    n_missing : int array, shape (n_windows,)
        Rows without a value.
    edges : float array, or None for a categorical column
    categories : names of the codes
    """

    counts: np.ndarray
    n_missing: np.ndarray
    edges: np.ndarray | None = None
    categories: tuple[str, ...] = ()


def grid_edges(reference: NumericReference) -> np.ndarray:
    """Return the borders of the cells: cell i holds ``edges[i - 1] < value <= edges[i]``.

    Each cell holds about 1/1024 of the reference. A value that holds more has a cell of its own, and so has each
    infinity, and every value of a reference that holds only a few different ones. The cells do not depend on anything
    but the reference, so counts of years ago can be compared with those of today.

    Examples
    --------
    >>> from drift.samples import NumericSample
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


def slack_of(known: np.ndarray) -> np.ndarray:
    """Return by how much a number may differ from each of a few ascending ones and still count as that one."""
    slack = np.where(np.isfinite(known), SAME * np.abs(known), 0.0)
    with np.errstate(over="ignore"):
        overlap = (np.diff(known) <= slack[1:] + slack[:-1]).any()
    return np.zeros(known.size) if overlap else slack


def cell_counts(ordered: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Count ascending values in the cells of a grid; NaN, which sorts last, is in none.

    Examples
    --------
    >>> cell_counts(np.array([1.0, 2.0, 2.5, np.nan]), np.array([1.0, 2.0]))
    array([1, 1, 1])
    """
    n = int(np.searchsorted(ordered, np.nan))
    return np.diff(np.concatenate([[0], np.searchsorted(ordered[:n], edges, side="right"), [n]]))


def open_cells(edges: np.ndarray) -> np.ndarray:
    """Tell the cells that can hold different values from those that hold a single one."""
    with np.errstate(over="ignore"):
        lowest = np.concatenate([[-np.inf], np.nextafter(edges, np.inf)])
    is_open: np.ndarray = lowest < np.append(edges, np.inf)
    return is_open


def ks_bounds(
    reference_counts: np.ndarray, counts: np.ndarray, is_open: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bound the KS distance between a reference and many windows by their counts on a grid.

    Parameters
    ----------
    reference_counts : int array, shape (n_cells,)
    counts : int array, shape (n_windows, n_cells), no window empty
    is_open : bool array, shape (n_cells,)
        See `open_cells`.

    Returns
    -------
    lower, upper : float arrays, shape (n_windows,)
        ``lower <= D <= upper``. They differ by less than the largest share of rows in an open cell.
    edge : int array, shape (n_windows,)
        The edge at which the distribution functions are `lower` apart.
    reference_leads : bool array, shape (n_windows,)
        Whether the reference has the larger share of rows up to that edge.

    Examples
    --------
    >>> lower, upper, edge, _ = ks_bounds(np.array([2, 2, 0]), np.array([[0, 2, 2]]), np.array([True, True, True]))
    >>> lower, upper, edge
    (array([0.5]), array([1.]), array([0]))
    """
    share_reference = np.cumsum(reference_counts) / reference_counts.sum()
    # Within a cell, all rows of one sample may come before all rows of the other, unless it is for a single value.
    at_end = np.where(is_open, share_reference, -np.inf)
    at_front = np.where(is_open, np.concatenate([[0.0], share_reference[:-1]]), np.inf)
    first_alone = max(at_end[0], 0.0)
    parts = []
    for first in range(0, len(counts), _AT_ONCE):
        share = np.cumsum(counts[first : first + _AT_ONCE], axis=1, dtype=np.float64)
        share /= share[:, -1:].copy()
        within = at_end[1:] - share[:, :-1]
        upper = np.maximum(within.max(axis=1), first_alone)
        np.maximum(upper, np.subtract(share[:, 1:], at_front[1:], out=within).max(axis=1), out=upper)
        np.maximum(upper, share[:, 0] - at_front[0], out=upper)
        gap = np.subtract(share_reference, share, out=share)
        most, least = np.argmax(gap, axis=1), np.argmin(gap, axis=1)
        rows = np.arange(len(gap))
        above, below = gap[rows, most], -gap[rows, least]
        leads = above >= below
        lower = np.where(leads, above, below)
        parts.append((lower, np.maximum(upper, lower), np.where(leads, most, least), leads))
    lower, upper, edge, reference_leads = (np.concatenate(column) for column in zip(*parts, strict=True))
    return lower, upper, edge, reference_leads

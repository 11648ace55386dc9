"""Cells: the few bins into which a column's rows are counted, fixed once by its reference."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from drift.data.samples import (
    MAX_DISTINCT,
    CategoricalReference,
    CategoricalSample,
    NumericReference,
    NumericSample,
    Reference,
    Sample,
    counting_half,
    reference_from,
)
from drift.data.windows import Kind

N_CELLS = 20
# Rarer categories share cells, so that the cost of a bucket stays bounded whatever a column holds.
MAX_CATEGORIES = 64
# Of more categories so many have a cell each, and the others share so many groups, each of at least so many rows.
_OWN_CELLS, _GROUPS, _GROUP_ROWS = 48, 16, 25
# A category that the choosing half shows less often has no cell of its own.
_OWN_ROWS = 5
# A constant may come back through another decimal rounding; that is not another constant.
SAME_CONSTANT = 1e-9
_BESIDE = ("below", "above")


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one column and how much of the reference lies in each.

    Attributes
    ----------
    labels : names of the cells; the last is always "missing"
        A numeric column has "below", its inner cells in ascending order, and "above"; a categorical one has
        a cell per category, perhaps groups of "other" for the rare ones, and "unseen". An id has "unseen" only.
    reference_counts : int array, shape (n_cells,)
        Reference rows per cell, where `is_split` those of the counting half.
    mass : float array, shape (n_cells,)
        The same, but never zero: what no reference row shows has the mass of one row, or of the singletons for
        "unseen" (Good and Turing [1]_). For n different numbers the mass without "missing" is n + 1: the n + 1
        spacings, of which each has the same expected probability whatever the distribution.
    edges : float array
        Order statistics of a numeric reference: cell i holds edges[i - 1] <= value < edges[i].
    ranked : bool
        Whether the inner cells hold ranges of many values rather than one value each.
    cell_of_code : int array
        The cell of each category code of the reference's dictionary; later codes are unseen.
    is_split : bool
        Whether one half of the reference chose the cells, so that only the other half is counted.

    References
    ----------
    .. [1] Good (1953), "The population frequencies of species and the estimation of population parameters".
    """

    kind: Kind
    labels: tuple[str, ...]
    reference_counts: np.ndarray
    mass: np.ndarray
    edges: np.ndarray
    ranked: bool
    cell_of_code: np.ndarray
    is_split: bool = False

    def place_reference(self, reference: Sample) -> np.ndarray:
        """Return the cells of the reference rows that are counted, in time order.

        Parameters
        ----------
        reference : Sample
            Of the kind that the cells are of.

        Returns
        -------
        int array, shape (n_counted,)
            0 to n_cells - 1; half of the rows where the other half chose the cells, else all.
        """
        placed = self.place(reference)
        return placed[counting_half(len(reference))] if self.is_split else placed

    def place(self, sample: Sample) -> np.ndarray:
        """Return the cell of every row.

        Parameters
        ----------
        sample : Sample
            Of the kind that the cells are of.

        Returns
        -------
        int array, shape (n,)
            0 to n_cells - 1; missing rows are in the last one.

        Raises
        ------
        ValueError
            If the sample is of the other kind.

        Examples
        --------
        >>> cells = cells_from(CategoricalSample(np.array([0, 0, 1]), ("web", "app")))
        >>> cells.place(CategoricalSample(np.array([0, 1, 7, -1]), ("web", "app")))
        array([0, 1, 2, 3])
        """
        if isinstance(sample, NumericSample) != (self.kind == "numeric"):
            raise ValueError(f"sample must be {self.kind}; got {type(sample).__name__}.")
        if isinstance(sample, NumericSample):
            placed = np.searchsorted(self.edges, sample.values, side="right")
            return np.where(np.isnan(sample.values), len(self.labels) - 1, placed)
        n = self.cell_of_code.size
        unseen, missing = len(self.labels) - 2, len(self.labels) - 1
        # Position n answers for codes that came after the reference, position -1 for missing ones.
        cell_of_code = np.append(self.cell_of_code, [unseen, missing])
        placed = cell_of_code[np.where(sample.codes < 0, -1, np.minimum(sample.codes, n))]
        return placed

    def counts(self, sample: Sample, stride: int) -> np.ndarray:
        """Count full buckets of consecutive rows; rows after the last full bucket are left for later.

        Parameters
        ----------
        sample : rows in time order
        stride : rows per bucket

        Returns
        -------
        int array, shape (n_buckets, n_cells)

        Examples
        --------
        >>> cells = cells_from(CategoricalSample(np.array([0, 0, 1, 0]), ("web", "app")))
        >>> cells.labels
        ('web', 'app', 'unseen', 'missing')
        >>> cells.counts(CategoricalSample(np.array([0, 1, 5, -1, 0]), ("web", "app")), stride=2)
        array([[1, 1, 0, 0],
               [0, 0, 1, 1]])
        """
        n_buckets = len(sample) // stride
        n_cells = len(self.labels)
        placed = self.place(sample)[: n_buckets * stride]
        at = placed + np.repeat(np.arange(n_buckets) * n_cells, stride)
        return np.bincount(at, minlength=n_buckets * n_cells).reshape(n_buckets, n_cells)


def cells_from(reference: Sample | Reference) -> Cells:
    """Lay the cells of a column through its reference.

    A numeric reference of more than 20 different values gets 20 cells of equal mass, one of fewer a cell per value.

    Parameters
    ----------
    reference : Sample or Reference

    Returns
    -------
    Cells
        None of them has a mass of 0.

    Raises
    ------
    ValueError
        If a code of a category has no name.
    """
    if isinstance(reference, NumericSample | CategoricalSample):
        reference = reference_from(reference)
    if isinstance(reference, NumericReference):
        return _numeric_cells(reference)
    return _categorical_cells(reference)


def _numeric_cells(reference: NumericReference) -> Cells:
    """Return a cell between every two edges, beside them "below" and "above", and "missing"."""
    edges = _edges(reference)
    placed = np.searchsorted(edges, reference.ordered, side="right")
    counts = np.append(np.bincount(placed, minlength=edges.size + 1), reference.n_missing)
    inner = tuple(f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges))
    labels = (*_BESIDE[: min(edges.size, 1)], *inner, _BESIDE[1], "missing")
    ranked = reference.n_distinct > MAX_DISTINCT
    return Cells("numeric", labels, counts, np.maximum(counts, 1.0), edges, ranked, np.empty(0, np.int64))


def _edges(reference: NumericReference) -> np.ndarray:
    """Return order statistics of the reference, ascending and none twice, shape (n_cells - 2,)."""
    values = reference.ordered
    if reference.n_distinct <= 1:
        return _around(values[0]) if values.size else np.empty(0)
    if reference.n_distinct <= MAX_DISTINCT:
        edges = reference.distinct
    else:
        ranks = np.round(np.arange(1, N_CELLS) * values.size / N_CELLS).astype(np.int64)
        edges = np.unique(values[np.concatenate([[1], np.maximum(ranks, 1), [values.size]]) - 1])
    tied = values[-1] == values[-2]
    # A tied largest value is a cell of its own: "above" is for what the reference never showed.
    return np.append(edges, np.nextafter(edges[-1], np.inf)) if tied and edges[-1] < np.inf else edges


def _around(constant: float) -> np.ndarray:
    """Return the edges of the cell of a constant, shape (2,), with room for its rounding; (1,) for an infinity."""
    if np.isinf(constant):
        return np.array([constant])
    room = SAME_CONSTANT * max(abs(constant), np.finfo(float).tiny)
    return np.array([constant - room, np.nextafter(constant + room, np.inf)])


def _categorical_cells(reference: CategoricalReference) -> Cells:
    if reference.is_id:
        return _id_cells(reference)
    if reference.n_distinct > MAX_CATEGORIES:
        return _chosen_cells(reference)
    counts = reference.counts
    kept = np.flatnonzero(counts)
    labels = (*(reference.categories[code] for code in kept), "unseen", "missing")
    cell_of_code = np.full(counts.size, len(labels) - 2)
    cell_of_code[kept] = np.arange(kept.size)
    in_cells = np.array([*counts[kept], 0, reference.n_missing])
    mass = np.maximum(in_cells, 1.0)
    mass[-2] = max(int((counts == 1).sum()), 1)
    return Cells("categorical", labels, in_cells, mass, np.empty(0), False, cell_of_code)


def _chosen_cells(reference: CategoricalReference) -> Cells:
    """Choose cells by one half of the reference and count the other half.

    The most frequent of many categories were frequent by chance too: on the rows that chose them, they look more
    frequent than they are, the others and what was never seen less so.
    """
    chosen_by, counted = reference.chosen_by, reference.counts - reference.chosen_by
    falling = np.argsort(-chosen_by, kind="stable")[: np.count_nonzero(chosen_by)]
    own = np.sort(falling[:_OWN_CELLS][chosen_by[falling[:_OWN_CELLS]] >= _OWN_ROWS])
    others = falling[~np.isin(falling, own)]
    n_groups = min(max(int(chosen_by[others].sum()) // _GROUP_ROWS, 1), _GROUPS) if others.size else 0
    names = ["other"] if n_groups == 1 else [f"other, group {k + 1}" for k in range(n_groups)]
    labels = (*(reference.categories[code] for code in own), *names, "unseen", "missing")
    cell_of_code = np.full(counted.size, len(labels) - 2)
    cell_of_code[own] = np.arange(own.size)
    # Dealt out by falling count, so that the groups are of about equal mass.
    cell_of_code[others] = own.size + np.arange(others.size) % max(n_groups, 1)
    in_cells = np.bincount(cell_of_code, weights=counted, minlength=len(labels)).astype(np.int64)
    in_cells[-1] = reference.n_missing_counted
    mass = np.maximum(in_cells, 1.0)
    return Cells("categorical", labels, in_cells, mass, np.empty(0), False, cell_of_code, is_split=True)


def _id_cells(reference: CategoricalReference) -> Cells:
    """Tell values from missing ones and nothing else."""
    in_cells = np.array([int(reference.counts.sum()), reference.n_missing])
    everywhere = np.zeros(reference.counts.size, np.int64)
    return Cells(
        "categorical", ("unseen", "missing"), in_cells, np.maximum(in_cells, 1.0), np.empty(0), False, everywhere
    )

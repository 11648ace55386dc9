"""Reference and current side by side, in bins that only the reference decides."""

from dataclasses import dataclass

import numpy as np

from drift.data.samples import (
    CategoricalReference,
    CategoricalSample,
    NumericReference,
    NumericSample,
    Reference,
    Sample,
)
from drift.data.windows import Kind

MAX_BINS = 40
MAX_CATEGORIES = 12
# A few far values must not squeeze the others into one bin.
_TAIL = 0.002


@dataclass(frozen=True, eq=False)
class Distribution:
    """Shares of a column's values in bins that both sides share.

    Attributes
    ----------
    kind : "numeric" where values lie in ranges, else "categorical"
    edges : float array, shape (n_bins + 1,)
        Ascending. The first and the last bin also hold everything beyond them. Empty for categories.
    categories : names, n_bins long
        Numbers in their order, names by frequency, "others" last. Empty for ranges.
    reference_share, current_share : float arrays, shape (n_bins,)
        0 to 1; each sums to 1 where that side holds values.
    n_reference, n_current : int
        Values, without missing ones.
    """

    kind: Kind
    edges: np.ndarray
    categories: tuple[str, ...]
    reference_share: np.ndarray
    current_share: np.ndarray
    n_reference: int
    n_current: int


def distribution(reference: Reference | Sample, current: Sample, bins: int = MAX_BINS) -> Distribution:
    """Count a reference and a window in bins that do not change from window to window.

    Parameters
    ----------
    reference : Reference or Sample
    current : Sample
        Of the same kind.
    bins : int
        At most so many ranges of a numeric column, 3 to 40.

    Returns
    -------
    Distribution

    Raises
    ------
    ValueError
        If the two are of different kinds, or `bins` is not 3 to 40.

    Examples
    --------
    >>> reference = NumericSample(np.arange(1000.0))
    >>> shared = distribution(reference, NumericSample(np.arange(500.0, 1000.0)), bins=4)
    >>> shared.edges, shared.current_share.round(2)
    (array([  2., 251., 500., 749., 998.]), array([0. , 0. , 0.5, 0.5]))
    """
    if not 3 <= bins <= MAX_BINS:
        raise ValueError(f"bins must be 3 to {MAX_BINS}; got {bins}.")
    if isinstance(reference, NumericSample):
        reference = NumericReference.from_sample(reference)
    if isinstance(reference, CategoricalSample):
        reference = CategoricalReference.from_sample(reference)
    if isinstance(reference, NumericReference) and isinstance(current, NumericSample):
        ordered = NumericReference.from_sample(current).ordered
        return _few_values(reference, ordered) if reference.distinct.size else _binned(reference, ordered, bins)
    if isinstance(reference, CategoricalReference) and isinstance(current, CategoricalSample):
        return _categories(reference, current)
    raise ValueError(f"reference and current must be of one kind; got {type(reference)} and {type(current)}.")


def _binned(reference: NumericReference, ordered: np.ndarray, bins: int) -> Distribution:
    """Count the window's ascending values, shape (n,), and the reference's in ranges."""
    edges = bin_edges(reference, bins)
    inner = edges[1:-1]
    counts = [
        np.diff(np.concatenate([[0], np.searchsorted(values, inner, side="left"), [values.size]]))
        for values in (reference.ordered, ordered)
    ]
    return _shared("numeric", edges, (), counts[0], counts[1])


def bin_edges(reference: NumericReference, bins: int) -> np.ndarray:
    """Return equally wide bins over nearly all of the reference; whole numbers get bins of whole width.

    Parameters
    ----------
    reference : NumericReference
        Its infinities are left out.
    bins : int
        How many there are at most.

    Returns
    -------
    float array, shape (n_bins + 1,)
        Ascending; at most .2 % of the values lie beyond each end.

    Examples
    --------
    >>> bin_edges(NumericReference.from_sample(NumericSample(np.arange(100.0))), 4)
    array([  0.,  25.,  50.,  75., 100.])
    """
    finite = reference.finite
    if finite.size == 0:
        return np.arange(bins + 1.0)
    tail = int(finite.size * _TAIL)
    low, high = float(finite[tail]), float(finite[finite.size - 1 - tail])
    if low == high:
        low, high = float(finite[0]), float(finite[-1])
    if (finite == np.rint(finite)).all() and high - low >= 1:
        width = float(np.ceil((high - low + 1) / bins))
        n_bins = int(np.ceil((high - low + 1) / width))
        return low + width * np.arange(n_bins + 1)
    return np.linspace(low, high, bins + 1)


def _few_values(reference: NumericReference, ordered: np.ndarray) -> Distribution:
    """Count the window's ascending values, shape (n,), by the few that the reference holds, and the others together."""
    values = reference.distinct
    counts = np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values, side="left")
    names = tuple(f"{value:.6g}" for value in values)
    others = ordered.size - int(counts.sum())
    if others:
        names = (*names, "others")
        return _shared("categorical", _NONE, names, np.append(reference.counts, 0), np.append(counts, others))
    return _shared("categorical", _NONE, names, reference.counts, counts)


def _categories(reference: CategoricalReference, current: CategoricalSample) -> Distribution:
    """Count both sides by category, the codes of which they share as far as both lists reach."""
    counts = current.counts()
    names = max(current.categories, reference.categories, key=len)
    table = np.zeros((2, len(names)), np.int64)
    table[0, : reference.counts.size] = reference.counts
    table[1, : counts.size] = counts
    # By the reference first, so that the order stays from window to window; then what is new.
    order = np.lexsort((-table[1], -table[0]))
    order = order[: np.count_nonzero(table.any(axis=0))]
    shown = order[_shown(table[:, order])]
    rest = table.sum(axis=1) - table[:, shown].sum(axis=1)
    labels = tuple(names[k] for k in shown)
    if rest.any():
        labels, table = (*labels, "others"), np.column_stack([table[:, shown], rest])
    else:
        table = table[:, shown]
    return _shared("categorical", _NONE, labels, table[0], table[1])


def _shown(table: np.ndarray) -> np.ndarray:
    """Return the positions of the categories to show: those that moved most, and the most frequent."""
    n = table.shape[1]
    if n <= MAX_CATEGORIES:
        return np.arange(n)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    moved = np.argsort(-np.abs(shares[0] - shares[1]), kind="stable")[: MAX_CATEGORIES // 2]
    frequent = np.setdiff1d(np.arange(n), moved)[: MAX_CATEGORIES - 1 - moved.size]
    return np.sort(np.concatenate([moved, frequent]))


def _shared(
    kind: Kind, edges: np.ndarray, categories: tuple[str, ...], reference: np.ndarray, current: np.ndarray
) -> Distribution:
    """Turn the rows of both sides, shape (n_bins,), into shares; a side without rows has shares of 0."""
    n_reference, n_current = int(reference.sum()), int(current.sum())
    reference_share, current_share = reference / max(n_reference, 1), current / max(n_current, 1)
    return Distribution(kind, edges, categories, reference_share, current_share, n_reference, n_current)


_NONE = np.empty(0)

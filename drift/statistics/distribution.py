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
    """Shares of a column's values in shared bins; each side sums to 1 where it holds values.

    A numeric column of many different values has `edges`, one more than bins; its first and last bins also hold
    everything beyond them. Any other has `categories`: numbers in their order, names by frequency, "others" last.
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
    edges = bin_edges(reference, bins)
    inner = edges[1:-1]
    counts = [
        np.diff(np.concatenate([[0], np.searchsorted(values, inner, side="left"), [values.size]]))
        for values in (reference.ordered, ordered)
    ]
    return _shared("numeric", edges, (), counts[0], counts[1])


def bin_edges(reference: NumericReference, bins: int) -> np.ndarray:
    """Return equally wide bins over nearly all of the reference; whole numbers get bins of whole width."""
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
    values = reference.distinct
    counts = np.searchsorted(ordered, values, side="right") - np.searchsorted(ordered, values, side="left")
    names = tuple(f"{value:.6g}" for value in values)
    others = ordered.size - int(counts.sum())
    if others:
        names = (*names, "others")
        return _shared("categorical", _NONE, names, np.append(reference.counts, 0), np.append(counts, others))
    return _shared("categorical", _NONE, names, reference.counts, counts)


def _categories(reference: CategoricalReference, current: CategoricalSample) -> Distribution:
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
    n_reference, n_current = int(reference.sum()), int(current.sum())
    reference_share, current_share = reference / max(n_reference, 1), current / max(n_current, 1)
    return Distribution(kind, edges, categories, reference_share, current_share, n_reference, n_current)


_NONE = np.empty(0)

"""What a window moved most by against the reference, in words: the name of an alarm that the window's own test rang."""

import numpy as np

from drift.life.cells import Cells

_AT_ENDS = {"below": "values below the reference range", "above": "values above the reference range"}


def largest_mover(cells: Cells, window: np.ndarray) -> str:
    """Say where a window lies furthest from the reference; missing values, which its test leaves out, have no part.

    Parameters
    ----------
    window : int array, shape (n_cells,)

    Returns
    -------
    str
        The category or the place, with its shares before and now.

    Examples
    --------
    >>> from drift.data.samples import CategoricalSample
    >>> from drift.life.cells import cells_from
    >>> cells = cells_from(CategoricalSample(np.repeat([0, 1], [900, 100]), ("web", "app")))
    >>> largest_mover(cells, np.array([700, 300, 0, 50]))
    "'web' less often (90 % -> 70 %)"
    """
    before, now = _shares(cells.reference_counts), _shares(window)
    return _furthest(cells, before, now) if cells.ranked else _most_surprising(cells, window, before, now)


def _shares(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = counts[:-1] / max(counts[:-1].sum(), 1)
    return shares


def _furthest(cells: Cells, before: np.ndarray, now: np.ndarray) -> str:
    """Name the edge where the two distribution functions are furthest apart."""
    below, below_now = np.cumsum(before)[:-1], np.cumsum(now)[:-1]
    at = int(np.abs(below - below_now).argmax())
    fewer = "fewer" if below_now[at] < below[at] else "more"
    return f"{fewer} values below {cells.edges[at]:.4g} ({_percent(below[at])} -> {_percent(below_now[at])})"


def _most_surprising(cells: Cells, window: np.ndarray, before: np.ndarray, now: np.ndarray) -> str:
    """Name the cell whose share changed by most standard errors."""
    n, m = cells.reference_counts[:-1].sum(), window[:-1].sum()
    pooled = (cells.reference_counts[:-1] + window[:-1]) / max(n + m, 1)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12))
    at = int((np.abs(now - before) / spread).argmax())
    more = "more" if now[at] > before[at] else "less"
    return f"{_named(cells, at)} {more} often ({_percent(before[at])} -> {_percent(now[at])})"


def _named(cells: Cells, at: int) -> str:
    label = cells.labels[at]
    if cells.kind == "numeric":
        return _AT_ENDS.get(label, f"values from {label}")
    return "categories unseen in the reference" if at == len(cells.labels) - 2 else f"'{label}'"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

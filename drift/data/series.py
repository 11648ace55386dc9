"""Windows that slide over a log, and the window before a window."""

from datetime import datetime, timedelta
from itertools import pairwise

from drift.data.windows import LastRows, RowSpan, TimeSpan, Window


def sliding_windows(
    n_rows: int, k: int | None = None, *, width: int | None = None, step: int | None = None
) -> tuple[RowSpan, ...]:
    """Return windows of rows, the oldest first, the last one ending at the newest row.

    Parameters
    ----------
    n_rows : rows of the log
    k : number of windows
        Without `width`, the log is cut into k parts of equal size; with it, the newest k windows are returned.
    width, step : rows of a window, and from one window to the next (default: `width`)

    Raises
    ------
    ValueError
        If neither k nor width is given, or one of them is below 1.

    Examples
    --------
    >>> sliding_windows(10, 3)
    (RowSpan(first=0, last=3), RowSpan(first=3, last=6), RowSpan(first=6, last=10))
    >>> sliding_windows(10, width=4, step=3)
    (RowSpan(first=0, last=4), RowSpan(first=3, last=7), RowSpan(first=6, last=10))
    """
    for name, value in {"k": k, "width": width, "step": step}.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}.")
    if width is None:
        if k is None or step is not None:
            raise ValueError(f"windows must be given by k, or by width and step; got step {step}.")
        edges = [n_rows * part // k for part in range(k + 1)]
        return tuple(RowSpan(a, b) for a, b in pairwise(edges) if a < b)
    ends = range(n_rows, width - 1, -(step or width))
    spans = [RowSpan(end - width, end) for end in ends[:k]]
    return tuple(reversed(spans))


def sliding_spans(
    start: datetime, end: datetime, *, width: timedelta, step: timedelta | None = None
) -> tuple[TimeSpan, ...]:
    """Return windows of time, the oldest first, that lie in `start <= t < end`; the last one ends at `end`.

    Examples
    --------
    >>> from datetime import UTC
    >>> day, start = timedelta(days=1), datetime(2026, 1, 1, tzinfo=UTC)
    >>> spans = sliding_spans(start, start + 8 * day, width=7 * day, step=day)
    >>> [f"{span.start:%d}-{span.end:%d}" for span in spans]
    ['01-08', '02-09']
    """
    step = width if step is None else step
    if min(width, step) <= timedelta(0):
        raise ValueError(f"width and step must be longer than nothing; got {width} and {step}.")
    n_spans = (end - start - width) // step + 1
    ends = (end - part * step for part in range(max(n_spans, 0)))
    return tuple(TimeSpan(last - width, last) for last in reversed(list(ends)))


def previous(window: Window, n_rows: int) -> Window | None:
    """Return the window just before a window and as wide, or None where the log of `n_rows` rows begins.

    Examples
    --------
    >>> previous(LastRows(100), 250)
    RowSpan(first=50, last=150)
    """
    if isinstance(window, TimeSpan):
        return TimeSpan(window.start - (window.end - window.start), window.start)
    if isinstance(window, LastRows):
        first, width = max(n_rows - window.n, 0), window.n
    else:
        first, width = window.first, window.last - window.first
    return RowSpan(max(first - width, 0), first) if first > 0 else None

"""Windows as text: how they stand in the address of a page and in the key of a cached read."""

from datetime import UTC, datetime

from drift.data.windows import LastRows, TimeSpan

_MOST_DIGITS = 12
_FIRST_YEAR, _LAST_YEAR = 1700, 2240


def window_text(window: TimeSpan | LastRows) -> str:
    """Write a window as it stands in an address.

    Examples
    --------
    >>> window_text(LastRows(500))
    '500'
    >>> window_text(TimeSpan(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)))
    '2026-11-22T00:00Z/2026-11-23T00:00Z'
    """
    if isinstance(window, LastRows):
        return str(window.n)
    start, end = (instant.astimezone(UTC) for instant in (window.start, window.end))
    return f"{start:%Y-%m-%dT%H:%MZ}/{end:%Y-%m-%dT%H:%MZ}"


def read_window(text: str) -> LastRows | TimeSpan:
    """Read a window from an address.

    Raises
    ------
    ValueError
        If the text is neither a number of rows nor two times with a zone.

    Examples
    --------
    >>> read_window("500")
    LastRows(n=500)
    """
    if text.isdecimal():
        if len(text) > _MOST_DIGITS:
            raise ValueError(f"window must be a number of at most {_MOST_DIGITS} digits; got {len(text)}.")
        return LastRows(int(text))
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError(f"window must be a number of rows, or FROM/TO; got {text!r}.")
    window = TimeSpan(datetime.fromisoformat(start), datetime.fromisoformat(end))
    # The log holds no other years; those at the ends of the calendar exist in some zones only.
    if window.start.year < _FIRST_YEAR or window.end.year > _LAST_YEAR:
        raise ValueError(f"window must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}; got {text!r}.")
    return window


def read_span(text: str | None) -> TimeSpan | None:
    """Read a window of time that stands in place of a reference's name; None for a name: none holds a slash.

    Examples
    --------
    >>> read_span("training"), read_span("2026-11-22T00:00Z/2026-11-23T00:00Z").start.day
    (None, 22)
    """
    if text is None or "/" not in text:
        return None
    window = read_window(text)
    return window if isinstance(window, TimeSpan) else None

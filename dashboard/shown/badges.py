"""How verdicts, numbers and other people's text are shown: the same on every page."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drift.data.policy import Verdict
from drift.data.windows import WindowExtent
from drift.wording import number_text, p_text

Colour = Literal["red", "orange", "violet", "gray", "green"]
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@^=&])")
_UNITS = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A verdict as people see it: a word and a shape beside every colour, which is never alone.

    Parameters
    ----------
    colour : of badges and cards, by its name in the theme
    cell, cell_colour : of a table's cell
    mark, symbol, sign : of a chart: the colour and Plotly's name of a point, and the letter that stands in a cell
    """

    word: str
    icon: str
    colour: Colour
    cell: str
    cell_colour: str
    mark: str
    symbol: str
    sign: str


# The one table of what a verdict looks like; the documentation calls the colours red, amber, purple, grey and green.
# Cells are drawn with white text: their colours have a contrast above 5.5. Marks have one above 3 on white and on dark.
BADGES: dict[Verdict, Badge] = {
    "drift": Badge(
        word="Drift",
        icon=":material/error:",
        colour="red",
        cell="■ drift",
        cell_colour="#B4232F",
        mark="#DC4A55",
        symbol="square",
        sign="■",
    ),
    "warning": Badge(
        word="Warning",
        icon=":material/warning:",
        colour="orange",
        cell="▲ warning",
        cell_colour="#8A5A00",
        mark="#B8860B",
        symbol="triangle-up",
        sign="▲",
    ),
    "error": Badge(
        word="Check failed",
        icon=":material/bug_report:",
        colour="violet",
        cell="✕ failed",
        cell_colour="#7A2E8E",
        mark="#A05EB5",
        symbol="x",
        sign="✕",
    ),
    "insufficient": Badge(
        word="Not enough data",
        icon=":material/hourglass_empty:",
        colour="gray",
        cell="○ too few",
        cell_colour="#55606E",
        mark="#808080",
        symbol="circle-open",
        sign="○",
    ),
    "stable": Badge(
        word="Stable",
        icon=":material/check_circle:",
        colour="green",
        cell="● stable",
        cell_colour="#00695C",
        mark="#1F9478",
        symbol="circle",
        sign="",
    ),
}
TESTS = {"ks": "KS", "chi2": "χ²", "constant": "constant", "none": "none"}


def plain(text: str) -> str:
    """Escape text that people or data wrote, so that Markdown shows it as it is.

    Examples
    --------
    >>> print(plain("![x](http://h/p.png)"))
    \\!\\[x\\]\\(http\\://h/p\\.png\\)
    """
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", " ")


def p_cell(p_value: float) -> str:
    """Print a p-value for a table cell: never 0.00, and a dash where there is none.

    Examples
    --------
    >>> p_cell(0.0), p_cell(float("nan"))
    ('< 1e-300', '–')
    """
    return "–" if p_value != p_value else p_text(p_value)


def number_cell(value: float) -> str:
    """Print a number for a table cell, or a dash where there is none."""
    return "–" if value != value else number_text(value)


def age_text(age: timedelta) -> str:
    """Say how long ago something was, in its two largest units at most.

    Examples
    --------
    >>> age_text(timedelta(hours=3, minutes=20)), age_text(timedelta(days=400, hours=2))
    ('3 h 20 min', '400 d')
    """
    for (unit, name), (smaller, smaller_name) in zip(_UNITS, [*_UNITS[1:], (timedelta(0), "")], strict=True):
        if age >= unit:
            rest = (age % unit) // smaller if smaller else 0
            whole = age // unit
            return f"{whole} {name} {rest} {smaller_name}" if rest and whole < 10 else f"{whole:,} {name}"
    return "0 s"


def time_text(instant: datetime) -> str:
    """Print an instant to the minute, with its zone."""
    return f"{instant:%Y-%m-%d %H:%M %Z}"


def span_text(start: datetime | None, end: datetime | None) -> str:
    """Print a half-open span of time, its zone once.

    Examples
    --------
    >>> from datetime import UTC
    >>> span_text(datetime(2026, 11, 22, 14, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC))
    '2026-11-22 14:00 – 16:00 UTC'
    """
    if start is None or end is None:
        return "no rows"
    last = f"{end:%H:%M %Z}" if start.date() == end.date() else time_text(end)
    return f"{start:%Y-%m-%d %H:%M} – {last}"


def extent_text(extent: WindowExtent) -> str:
    """Print a window: its span and its rows."""
    return f"{span_text(extent.start, extent.end)}, n = {extent.n:,}"


def is_stale(extent: WindowExtent, last_at: datetime, now: datetime) -> bool:
    """Tell whether rows stopped coming: a whole window of them should have come since the last one."""
    if extent.start is None or extent.end is None:
        return False
    return now - last_at > max(extent.end - extent.start, timedelta(hours=1))

"""How a column of times is written: recognised once, from its first rows; where it may mean two things, asked for."""

from collections import Counter
from datetime import datetime

import pandas as pd

from storage.checking.time_forms import ISO, WRITTEN, TimeForm, digits_of, share_read

_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# From 1973 to 2286: the only unit in which a number of so many digits is a time of today.
_UNIT_OF_DIGITS = {9: "s", 10: "s", 12: "ms", 13: "ms", 15: "us", 16: "us", 18: "ns", 19: "ns"}
_COMPACT = {
    8: ("%Y%m%d", "year, month and day"),
    12: ("%Y%m%d%H%M", "year, month, day, hour and minute"),
    14: ("%Y%m%d%H%M%S", "year, month, day, hour, minute and second"),
}
_ORDERS = {"day-first": "dmy", "month-first": "mdy"}
# What `--time-format` takes besides a pattern such as %d.%m.%Y.
NAMED_FORMATS = ("iso", *_UNITS, *_ORDERS)
# A few bad times are bad rows; more mean that the column is read in a wrong way.
_MOSTLY = 0.9
_LOOKED_AT = 1_000


class UnclearTimes(ValueError):
    """The times of a column cannot be read, or, where it holds times for certain, may mean two things."""

    def __init__(self, message: str, *, is_of_times: bool = False) -> None:
        super().__init__(message)
        self.is_of_times = is_of_times


def recognise(values: pd.Series, name: str, asked: str | None = None) -> TimeForm:
    """Tell how a column of times is written.

    Parameters
    ----------
    values : the first rows
    name : what the column is called in the file
    asked : one of NAMED_FORMATS, or a pattern of `datetime.strptime`; None to find out

    Returns
    -------
    TimeForm
        One form for all of them.

    Raises
    ------
    UnclearTimes
        If none of the times can be read, or they can be read in two ways.

    Examples
    --------
    >>> recognise(pd.Series(["01.01.2026 00:01"]), "ts").says
    "day.month.year, such as '01.01.2026 00:01'"
    >>> recognise(pd.Series([1767225660123]), "ts").says
    'milliseconds since 1970'
    """
    present = values.dropna().head(_LOOKED_AT)
    if asked is not None:
        given = _asked(asked)
        if len(present) and not share_read(present, given):
            raise UnclearTimes(f"{name} must hold times in the format {asked}; got {_example(present)}.")
        return given
    if present.empty:
        raise UnclearTimes(f"{name} must hold times; it is empty in the first rows.")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return ISO
    form = _of_numbers(present, name) or _of_text(present, name)
    if form is None:
        raise UnclearTimes(
            f"{name} must hold times such as 2026-11-23T14:00:00+00:00; got {_example(present)}. Say how they are "
            f"written: --time-format with one of {', '.join(NAMED_FORMATS)}, or a pattern such as '%d.%m.%y %H:%M'."
        )
    return form


def _asked(asked: str) -> TimeForm:
    if asked in _UNITS:
        return _epoch(asked)
    if asked in _ORDERS:
        return _in_order(_ORDERS[asked])
    if asked == "iso":
        return ISO
    if "%" not in asked:
        raise UnclearTimes(f"--time-format must be one of {', '.join(NAMED_FORMATS)} or a pattern; got {asked!r}.")
    return TimeForm("format", asked, asked)


def _epoch(unit: str) -> TimeForm:
    return TimeForm("epoch", unit, f"{_UNITS[unit]} since 1970")


def _in_order(order: str) -> TimeForm:
    return TimeForm("written", order, {"dmy": "day, month, year", "mdy": "month, day, year"}[order])


def _of_numbers(present: pd.Series, name: str) -> TimeForm | None:
    """Return the form of times that are numbers; None where most are not."""
    digits = [text for text in map(digits_of, present) if text is not None]
    if len(digits) < _MOSTLY * len(present):
        return None
    lengths = Counter(len(text) for text in digits)
    for length, (pattern, says) in _COMPACT.items():
        fitting = [text for text in digits if len(text) == length and _fits(text, pattern)]
        if len(fitting) >= _MOSTLY * len(digits):
            return TimeForm("format", pattern, says)
    units = Counter(_UNIT_OF_DIGITS.get(length, "") for length in lengths.elements())
    unit, n = units.most_common(1)[0]
    if unit and n >= _MOSTLY * len(digits):
        return _epoch(unit)
    raise UnclearTimes(
        f"{name} must hold times; got numbers such as {_example(present)}, which are none of today in seconds, "
        f"milliseconds, microseconds or nanoseconds since 1970. Say what they are: --time-format s, ms, us or ns."
    )


def _fits(text: str, pattern: str) -> bool:
    try:
        return 1900 <= datetime.strptime(text, pattern).year <= 2200  # noqa: DTZ007  # only whether it is a date
    except ValueError:
        return False


def _of_text(present: pd.Series, name: str) -> TimeForm | None:
    """Return the form in which most times are written; None where none can be read."""
    iso = share_read(present, ISO)
    if iso >= _MOSTLY:
        return ISO
    return _written(present, name, iso) or (ISO if iso else None)


def _written(present: pd.Series, name: str, read_otherwise: float) -> TimeForm | None:
    """Return the form of times as people write them; None where no more are read like this than otherwise."""
    matches = [match for value in present if (match := WRITTEN.fullmatch(str(value).strip())) is not None]
    if len(matches) <= read_otherwise * len(present):
        return None
    unclear = [(int(match["first"]), int(match["second"]), match["mark"]) for match in matches if match["first"]]
    if not unclear:
        return TimeForm("written", "", f"written like {_example(present)}")
    can_be_days_first = all(month <= 12 for _, month, _ in unclear)
    can_be_months_first = all(month <= 12 for month, _, _ in unclear)
    # Nobody writes the month first and separates by dots.
    if can_be_days_first and all(mark == "." for *_, mark in unclear):
        return TimeForm("written", "dmy", f"day.month.year, such as {_example(present)}")
    if can_be_days_first and can_be_months_first:
        raise UnclearTimes(
            f"{name} holds times such as {_example(present)}, of which the day or the month may stand first: "
            "say --time-format day-first or --time-format month-first.",
            is_of_times=True,
        )
    if can_be_days_first or can_be_months_first:
        return _in_order("dmy" if can_be_days_first else "mdy")
    return None


def _example(present: pd.Series) -> str:
    return repr(present.iloc[0]) if isinstance(present.iloc[0], str) else str(present.iloc[0])

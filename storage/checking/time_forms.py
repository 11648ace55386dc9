"""Forms in which times are written, and how a whole column is read in one of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["iso", "epoch", "written", "format"]
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

_NUMBER = re.compile(r"(\d+)(?:\.\d*)?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED_MONTH = "(?:" + "|".join(_MONTHS) + r")[a-z]*\.?"
_DATE = (
    r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year2>\d{4})"
    rf"|(?P<day3>\d{{1,2}})[- /]?(?P<name3>{_NAMED_MONTH})[- /,]*(?P<year3>\d{{4}})"
    rf"|(?P<name4>{_NAMED_MONTH}) *(?P<day4>\d{{1,2}})(?:st|nd|rd|th)?,? +(?P<year4>\d{{4}})"
)
_CLOCK = (
    r"(?:[T ,:]+(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<seconds>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r" *(?P<half>[ap]\.?m\.?)?)?"
)
_ZONE = r" *(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?)?(?: *[\[(][\w/+-]+[\])])?"
WRITTEN = re.compile(rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?(?:{_DATE}){_CLOCK}{_ZONE}", re.I | re.ASCII)


@dataclass(frozen=True)
class TimeForm:
    """How a column of times is written.

    Parameters
    ----------
    kind : ISO 8601, as a typed column is taken; numbers since 1970; dates as people write them; or a given pattern
    detail : the unit; `dmy`, `mdy` or nothing; or the pattern
    says : what it is called in the plan; empty for ISO 8601
    """

    kind: Kind = "iso"
    detail: str = ""
    says: str = ""


ISO = TimeForm()


def share_read(values: pd.Series, form: TimeForm) -> float:
    """Return the share of values that can be read like this.

    Parameters
    ----------
    values : a column, shape (n,), none of it missing

    Returns
    -------
    float
        0 to 1.
    """
    return float(_READ[form.kind](values, form.detail).notna().mean())


def read_times(values: pd.Series, form: TimeForm) -> pd.Series:
    """Return times with their zone, UTC where none is written; what cannot be read stays, so that it can be shown.

    Parameters
    ----------
    values : a column, shape (n,)

    Returns
    -------
    Series, shape (n,)
        Of times where all could be read, else of objects.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values
    if pd.api.types.is_datetime64_dtype(values.dtype):
        return values.dt.tz_localize("UTC")
    parsed = _READ[form.kind](values, form.detail)
    if parsed.notna().all():
        return parsed
    return parsed.astype(object).where(parsed.notna(), values.astype(object))


def _read_iso(values: pd.Series, _: str) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values
    return pd.to_datetime(values.astype("string"), format="ISO8601", utc=True, errors="coerce")


def _read_epoch(values: pd.Series, unit: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce", dtype_backend="numpy_nullable")
    per_second = _PER_SECOND[unit]
    if pd.api.types.is_integer_dtype(numbers.dtype):
        micros = numbers * (1_000_000 // per_second) if per_second <= 1_000_000 else numbers // 1_000
    else:
        micros = (numbers * (1_000_000 / per_second)).round()
    return pd.to_datetime(micros.astype("Float64").astype(float), unit="us", utc=True, errors="coerce")


def _read_written(values: pd.Series, order: str) -> pd.Series:
    texts = [_as_iso(str(value), order) for value in values]
    return pd.to_datetime(pd.Series(texts, values.index, "string"), format="ISO8601", utc=True, errors="coerce")


def _as_iso(text: str, order: str) -> str | None:
    """Write a time as ISO 8601 does; None for what is no time."""
    match = WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    got = match.groupdict()
    first, second = got["first"], got["second"]
    year = got["year"] or got["year2"] or got["year3"] or got["year4"]
    if first is not None:
        if not order:
            return None
        day, month = (first, second) if order == "dmy" else (second, first)
    elif (named := got["name3"] or got["name4"]) is not None:
        day, month = got["day3"] or got["day4"], str(_MONTHS.index(named[:3].lower()) + 1)
    else:
        day, month = got["day"], got["month"]
    hour = int(got["hour"] or 0)
    if got["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (got["half"][0] in "pP")
    fraction = f".{got['fraction']}" if got["fraction"] else ""
    clock = f"{hour:02}:{got['minute'] or '00'}:{got['seconds'] or '00'}{fraction}"
    zone = got["zone"] or ""
    return f"{year}-{month:0>2}-{day:0>2}T{clock}{'Z' if zone.isalpha() else zone}"


def _read_pattern(values: pd.Series, pattern: str) -> pd.Series:
    texts = pd.Series([_whole(value) for value in values], values.index, "string")
    return pd.to_datetime(texts, format=pattern, utc=True, errors="coerce")


def _whole(value: object) -> str | None:
    """Return a value as the text that a pattern is for."""
    return value.strip() if isinstance(value, str) else digits_of(value)


def digits_of(value: object) -> str | None:
    """Return the digits of a number before its point; None for what is none.

    Examples
    --------
    >>> digits_of(1767225660.5), digits_of("20260101"), digits_of("01.01.2026")
    ('1767225660', '20260101', None)
    """
    text = f"{value:.9f}" if isinstance(value, float) else str(value).strip()
    match = _NUMBER.fullmatch(text)
    return match[1] if match else None


_READ: Mapping[Kind, Callable[[pd.Series, str], pd.Series]] = {
    "iso": _read_iso,
    "epoch": _read_epoch,
    "written": _read_written,
    "format": _read_pattern,
}

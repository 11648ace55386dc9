"""The one table of cell rules: what a value becomes in a column of each kind, whatever the way in.

A rule returns what is stored, or None where the cell means "no value", or raises ValueError with the reason why the
cell cannot be read. Every other path through storage is a shortcut of these rules.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from types import NoneType
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from drift.data.windows import Column
from storage.checking.number_forms import marked_number
from storage.checking.spelling import Reading, class_of, number_spelled, spelled
from storage.database.schema import microseconds

MAX_CATEGORY_LENGTH = 200
MAX_TEXT_LENGTH = 20_000
VARIANTS = ("champion", "canary", "shadow")
# Besides the model's own columns; the coded ones share the category dictionary.
CODED = ("version", "variant")
PLAIN = ("request_id", "entity_id", "text")
# Without them a row is none: when it was, and what tells it from another.
ESSENTIAL = frozenset(["predicted_at", "request_id"])

_DEFAULT = Reading()
# For what is a category already: no word of it means "no value".
_AS_IT_STANDS = Reading(missing=frozenset())
_PLAIN_TYPES = frozenset([str, float, int, bool, NoneType])
_TIMES = frozenset([datetime, pd.Timestamp])
_BOOLEANS = {"true": 1.0, "false": 0.0}
# From here on a float no longer holds every whole number: an id has lost digits.
_EXACT = {float: 2**53, np.float32: 2**24, np.float16: 2**11}


def number(value: object, reading: Reading = _DEFAULT) -> float | None:
    """Return a number, or None where it is missing; true is 1, and a duration is in seconds.

    Examples
    --------
    >>> number("12.5"), number(True), number(timedelta(minutes=1)), number("NA")
    (12.5, 1.0, 60.0, None)
    """
    value = _single(value)
    if value is None:
        return None
    if isinstance(value, str):
        return _number_of_text(value, reading)
    if isinstance(value, timedelta):
        return value / timedelta(seconds=1)
    if not isinstance(value, Real | Decimal | np.bool_):
        raise ValueError(f"must be a number; got {short(value)}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if math.isinf(result) and not _is_infinite(value):
        raise ValueError(f"must be a number of at most 1.8e308; got {short(value)}")
    return result


def _number_of_text(text: str, reading: Reading) -> float | None:
    word = text.strip()
    if word in reading.missing:
        return None
    lower = word.lower()
    if lower in _BOOLEANS:
        return _BOOLEANS[lower]
    if reading.marks and (marked := marked_number(word, reading.marks)) is not None:
        return marked
    # Python reads "1_000" and digits of every script; a file that holds them means something else.
    if "_" in word or not word.isascii():
        raise ValueError(f"must be a number; got {short(text)}")
    try:
        result = float(word)
    except ValueError:
        raise ValueError(f"must be a number; got {short(text)}") from None
    if math.isinf(result) and "inf" not in lower:
        raise ValueError(f"must be a number of at most 1.8e308; got {short(text)}")
    return None if math.isnan(result) else result


def category_text(value: object, reading: Reading = _AS_IT_STANDS) -> str | None:
    """Return the one spelling of a category, so that 1, 1.0 and numpy's 1 are the same label.

    Examples
    --------
    >>> category_text(1.0), category_text(True), category_text("paid"), category_text(float("nan"))
    ('1', 'true', 'paid', None)
    >>> category_text("1.0", Reading("number")), category_text(0, Reading("boolean"))
    ('1', 'false')
    """
    value = _single(value)
    if value is None:
        return None
    if isinstance(value, str):
        if value.strip() in reading.missing:
            return None
        text = value
    else:
        text = _text_of(value)
    # Spelling never makes a text longer than one that is a number may be.
    text = spelled(text, reading.spelling)
    return _storable(class_of(text, reading.classes) if reading.classes else text, MAX_CATEGORY_LENGTH)


def key_text(value: object, reading: Reading = _DEFAULT) -> str | None:
    """Return an identifier as short text, or None where it is missing."""
    if isinstance(value, float | np.floating) and abs(float(value)) >= _EXACT.get(type(value), _EXACT[float]):
        raise ValueError(f"must be text or a whole number; got {short(value)}, a float that has lost digits")
    return category_text(value, reading)


def plain_text(value: object, reading: Reading = _DEFAULT) -> str | None:
    """Return free text, or None where it is missing."""
    value = _single(value)
    if value is None or (isinstance(value, str) and value.strip() in reading.missing):
        return None
    return _storable(value if isinstance(value, str) else _text_of(value), MAX_TEXT_LENGTH)


def variant(value: object, reading: Reading = _DEFAULT) -> str | None:
    """Return which deployment answered."""
    text = category_text(value, reading)
    if text is not None and text not in VARIANTS:
        raise ValueError(f"must be one of {', '.join(VARIANTS)}; got {short(value)}")
    return text


def instant(value: object, reading: Reading = _DEFAULT) -> int:
    """Return an instant with a zone as microseconds since 1970."""
    value = _single(value)
    if value is None or (isinstance(value, str) and value.strip() in reading.missing):
        raise ValueError("must be a time with a zone; got nothing")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"must be a time such as 2026-11-23T14:00:00+00:00; got {short(value)}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"must be a time with a zone; got {short(value)}")
    if value.tzinfo is None:
        raise ValueError(f"must carry a time zone, such as +00:00; got {short(value)}")
    if not 1700 <= value.year <= 2240:
        raise ValueError(f"must lie between the years 1700 and 2240; got {short(value)}")
    return microseconds(value)


def later_instant(value: object, reading: Reading = _DEFAULT) -> int | None:
    """Return an instant that need not be known."""
    value = _single(value)
    nothing = value is None or (isinstance(value, str) and value.strip() in reading.missing)
    return None if nothing else instant(value, reading)


RuleKind = Literal["instant", "later_instant", "key", "category", "variant", "text", "number"]
_TABLE: Mapping[RuleKind, Callable[[object, Reading], Any]] = {
    "instant": instant,
    "later_instant": later_instant,
    "key": key_text,
    "category": category_text,
    "variant": variant,
    "text": plain_text,
    "number": number,
}
_BOOKKEEPING: Mapping[str, RuleKind] = {
    "predicted_at": "instant",
    "labelled_at": "later_instant",
    "request_id": "key",
    "entity_id": "key",
    "version": "category",
    "variant": "variant",
    "text": "text",
}


@dataclass(frozen=True)
class Rule:
    """The cell rule of one field of a model."""

    kind: RuleKind
    reading: Reading = _DEFAULT
    _read: Callable[[object, Reading], Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_read", _TABLE[self.kind])

    def __call__(self, value: object) -> Any:
        """Return what is stored of a cell, None where it is missing; ValueError tells why it cannot be read."""
        try:
            return self._read(value, self.reading)
        except ValueError:
            raise
        except Exception as error:  # an object of the caller's that cannot even be shown must not cost the others
            raise ValueError(f"must be readable; got a {type(value).__name__} ({type(error).__name__})") from error


Rules = Mapping[str, Rule]


def rules_of(columns: Sequence[Column], readings: Mapping[str, Reading] | None = None) -> dict[str, Rule]:
    """Return the rule of every field that a row of a model may hold, in the order in which a row is checked.

    Parameters
    ----------
    columns : the model's registered columns
    readings : how their cells are read; by default as text, with the usual words for "no value"
    """
    known = readings or {}
    rules = {name: Rule(kind) for name, kind in _BOOKKEEPING.items()}
    return rules | {
        c.name: Rule("number" if c.kind == "numeric" else "category", known.get(c.name, _DEFAULT)) for c in columns
    }


def short(value: object) -> str:
    """Show a value in a sentence."""
    if isinstance(value, datetime):
        text = value.isoformat()
    elif isinstance(value, str):
        text = repr(str.__str__(value))
    else:
        text = repr(float(str(value))) if isinstance(value, np.floating) else _shown(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(value: object) -> str:
    return str(value) if isinstance(value, np.generic | Decimal) else repr(value)


def _single(value: object) -> Any:
    """Return a value as what the rules know, None for no value at all.

    Raises
    ------
    ValueError
        If it is several values, or bytes that are no text.
    """
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return None if value != value else value
    if kind in _TIMES:  # every row has one: nothing else is asked of it
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if value is pd.NA or isinstance(value, NaTType):
        return None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else pd.Timestamp(value)
    if isinstance(value, np.timedelta64):
        return None if np.isnat(value) else pd.Timedelta(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    if isinstance(value, Mapping | Sequence | set | frozenset | np.ndarray | pd.Series | pd.Index):
        raise ValueError(f"must be a single value; got {short(value)}")
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    return None if isinstance(value, float | np.floating) and math.isnan(value) else value


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"must be text; got other bytes, {short(data)}") from None


def _text_of(value: Any) -> str:
    """Spell a value that is no text."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return number_spelled(value / timedelta(seconds=1))
    if isinstance(value, Real | Decimal):
        try:
            return number_spelled(value)
        except (OverflowError, ValueError):  # Python writes no more than 4,300 digits of a whole number
            raise ValueError("must be a number of at most 1.8e308; got a larger one") from None
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)


def _storable(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"must be at most {longest} characters long; got {len(text)}")
    check_characters(text)
    return text


def check_characters(text: str) -> None:
    """Refuse what no database stores.

    Raises
    ------
    ValueError
        If the text holds NUL, or half a surrogate pair.
    """
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"must be Unicode text; got half a surrogate pair in {short(text)}")


def _is_infinite(value: object) -> bool:
    """Tell an infinity from a number that is too large for a float."""
    if isinstance(value, Decimal):
        return value.is_infinite()
    return not isinstance(value, int | np.integer | Fraction)

"""From what a caller hands in to typed columns: every row is checked, a bad one is named and left out."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from drift.data.windows import Column
from storage.database.schema import microseconds

MAX_CATEGORY_LENGTH = 200
MAX_TEXT_LENGTH = 20_000
VARIANTS = ("champion", "canary", "shadow")
# Besides the model's own columns; the coded ones share the category dictionary.
CODED = ("version", "variant")
PLAIN = ("request_id", "entity_id", "text")


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not stored: its position in what was handed in, from 0, and why."""

    row: int
    error: str


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows: how many are stored, and the others with their reasons."""

    accepted: int
    rejected: tuple[RejectedRow, ...] = ()


@dataclass
class Coded:
    """Categories as positions in a list of distinct values; -1 is missing."""

    codes: list[int]
    values: list[str]


@dataclass
class Batch:
    """Rows that passed every check, column by column, and those that did not."""

    positions: list[int]
    predicted_at: list[int]
    labelled_at: list[int | None]
    numbers: dict[str, list[float | None]] = field(default_factory=dict)
    categories: dict[str, Coded] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.positions)


def category_text(value: object) -> str | None:
    """Return the one spelling of a category, so that 1, 1.0 and numpy's 1 are the same label.

    Examples
    --------
    >>> category_text(1.0), category_text(True), category_text("paid"), category_text(float("nan"))
    ('1', 'true', 'paid', None)
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        real = float(value)
        if math.isnan(real):
            return None
        return str(int(real)) if abs(real) < 2**53 and real.is_integer() else repr(real)
    text = str(value)
    if len(text) > MAX_CATEGORY_LENGTH:
        raise ValueError(f"must be at most {MAX_CATEGORY_LENGTH} characters long; got {len(text)}")
    return _storable(text)


def number(value: object) -> float | None:
    """Return a number, or None where it is missing."""
    if value is None or value is pd.NA or value == "":
        return None
    # Python reads "1_000" and digits of every script; a file that holds them means something else.
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        raise ValueError(f"must be a number; got {_short(value)}")
    try:
        result = float(value)  # type: ignore[arg-type]  # whatever it is: float() is the check
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"must be a number; got {_short(value)}") from None
    return None if math.isnan(result) else result


def instant(value: object) -> int:
    """Return an instant with a zone as microseconds since 1970."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"must be a time such as 2026-11-23T14:00:00+00:00; got {_short(value)}") from None
    if not isinstance(value, datetime) or isinstance(value, NaTType):
        raise ValueError(f"must be a time with a zone; got {_short(value)}")
    if value.tzinfo is None:
        raise ValueError(f"must carry a time zone, such as +00:00; got {_short(value)}")
    if not 1700 <= value.year <= 2240:
        raise ValueError(f"must lie between the years 1700 and 2240; got {_short(value)}")
    return microseconds(value)


def plain_text(value: object) -> str | None:
    """Return free text, or None where it is missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value)
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(f"must be at most {MAX_TEXT_LENGTH} characters long; got {len(text)}")
    return _storable(text)


def key_text(value: object) -> str | None:
    """Return an identifier as short text, or None where it is missing."""
    text = category_text(value)
    return None if text is None or text == "" else text


def variant(value: object) -> str | None:
    """Return which deployment answered."""
    text = category_text(value)
    if text is not None and text not in VARIANTS:
        raise ValueError(f"must be one of {', '.join(VARIANTS)}; got {_short(value)}")
    return text


def batch_from_records(columns: Sequence[Column], records: Sequence[Mapping[str, Any]]) -> Batch:
    """Check rows one by one; made for single predictions and small batches.

    Parameters
    ----------
    columns : the model's registered columns
    records : mappings with `predicted_at` and any of the model's columns and bookkeeping fields
    """
    checks = _checks(columns)
    kept: dict[str, list[Any]] = {name: [] for name in checks}
    batch = Batch([], [], [])
    for position, record in enumerate(records):
        try:
            row = _checked(record, checks)
        except ValueError as error:
            batch.rejected.append(RejectedRow(position, str(error)))
            continue
        batch.positions.append(position)
        for name, value in row.items():
            kept[name].append(value)
    _fill(batch, columns, kept)
    return batch


def _fill(batch: Batch, columns: Sequence[Column], kept: dict[str, list[Any]]) -> None:
    batch.predicted_at = kept["predicted_at"]
    has_label = "label" in kept
    # A label that came with its prediction was known at once.
    batch.labelled_at = [
        (given if given is not None else at) if has_label and label is not None else None
        for given, at, label in zip(
            kept["labelled_at"], batch.predicted_at, kept.get("label", batch.predicted_at), strict=True
        )
    ]
    for column in columns:
        if column.kind == "numeric":
            batch.numbers[column.name] = kept[column.name]
    for name in [c.name for c in columns if c.kind == "categorical"] + list(CODED):
        batch.categories[name] = encode(kept[name])
    for name in PLAIN:
        batch.texts[name] = kept[name]


def encode(values: Sequence[str | None]) -> Coded:
    """Give each distinct value a position, in order of appearance."""
    distinct = [value for value in dict.fromkeys(values) if value is not None]
    positions: dict[str | None, int] = {value: k for k, value in enumerate(distinct)}
    positions[None] = -1
    return Coded(list(map(positions.__getitem__, values)), distinct)


def _checks(columns: Sequence[Column]) -> dict[str, Callable[[object], Any]]:
    checks: dict[str, Callable[[object], Any]] = {
        "predicted_at": instant,
        "labelled_at": lambda value: None if value is None or value is pd.NaT else instant(value),
        "request_id": key_text,
        "entity_id": key_text,
        "version": category_text,
        "variant": variant,
        "text": plain_text,
    }
    return checks | {c.name: number if c.kind == "numeric" else category_text for c in columns}


def _checked(record: Mapping[str, Any], checks: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    if not isinstance(record, Mapping):
        raise ValueError(f"row must be a mapping of column names to values; got {_short(record)}.")
    unknown = [name for name in record if name not in checks]
    if unknown:
        raise ValueError(f"columns must be registered ones ({', '.join(checks)}); got {', '.join(map(str, unknown))}.")
    row = {}
    for name, check in checks.items():
        try:
            row[name] = check(record.get(name))
        except ValueError as error:
            raise ValueError(f"{name} {error}.") from None
    return row


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"must be Unicode text; got half a surrogate pair in {_short(text)}")
    return text


def _short(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""The checks of storage.checking.rows for many plain records at once, column by column: JSON rows by the thousand."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import NoneType
from typing import Any

from drift.data.windows import Column
from storage.checking import rows
from storage.checking.rows import Batch

# Fewer are checked as fast one by one.
MIN_RECORDS = 16
_TEXT = {str, NoneType}
_NUMBER = {float, int, NoneType}


def batch_from_many(columns: Sequence[Column], records: Sequence[Mapping[str, Any]]) -> Batch:
    """Check records; the result is that of `storage.checking.rows.batch_from_records`, which takes over
    where one is not plain.

    Parameters
    ----------
    columns : the model's registered columns
    records : mappings with `predicted_at` and any of the model's columns and bookkeeping fields
    """
    kept = _kept(columns, records) if len(records) >= MIN_RECORDS else None
    if kept is None:
        return rows.batch_from_records(columns, records)
    batch = Batch(list(range(len(records))), [], [])
    rows._fill(batch, columns, kept)
    return batch


def _kept(columns: Sequence[Column], records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]] | None:
    """Return the checked values of every column, or None if a record may have to be rejected."""
    checks = rows._checks(columns)
    if set(map(type, records)) != {dict}:
        return None
    given = set().union(*records)
    if not given <= checks.keys() or "predicted_at" not in given:
        return None
    absent = [None] * len(records)
    try:
        return {n: _column(_values(n, records), check) if n in given else absent for n, check in checks.items()}
    except (ValueError, OverflowError):
        return None


def _values(name: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
    try:
        return list(map(itemgetter(name), records))
    except KeyError:
        return [record.get(name) for record in records]


def plain_column(values: Sequence[Any], check: Callable[[object], Any]) -> list[Any] | None:
    """Return the checked values of a column, or None if one of them may be wrong."""
    try:
        return _column(list(values), check)
    except (ValueError, OverflowError):
        return None


def _column(values: list[Any], check: Callable[[object], Any]) -> list[Any]:
    """Check the values of a column; one that is not plain is an error, be it wrong or not."""
    kinds = set(map(type, values))
    if kinds == {NoneType} and check is not rows.instant:
        return values
    if check is rows.number:
        _require(kinds <= _NUMBER)
        return values if kinds == {float} and not _holds_nan(values) else list(map(rows.number, values))
    if check in (rows.category_text, rows.variant):
        _require(kinds <= _TEXT)
        # Few of them differ: each is checked once.
        for value in set(values):
            check(value)
        return values
    if check in (rows.key_text, rows.plain_text):
        _require(kinds <= _TEXT)
        texts = [value for value in values if value is not None]
        rows._storable("".join(texts))
        longest = rows.MAX_TEXT_LENGTH if check is rows.plain_text else rows.MAX_CATEGORY_LENGTH
        _require(max(map(len, texts)) <= longest)
        return [value or None for value in values] if check is rows.key_text else values
    return [check(value) for value in values]


def _holds_nan(numbers: Sequence[float]) -> bool:
    """Tell whether a NaN is among them; infinities of both signs look like one."""
    total = sum(numbers)
    return total != total


def _require(plain: bool) -> None:
    if not plain:
        raise ValueError

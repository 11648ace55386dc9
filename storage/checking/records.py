"""The rules of storage.checking.cells for many plain records at once, column by column: JSON rows by the thousand."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from types import NoneType
from typing import Any

from drift.data.windows import Column
from storage.checking import cells, rows
from storage.checking.cells import Rule, Rules, rules_of
from storage.checking.rows import Batch

# Fewer are checked as fast one by one.
MIN_RECORDS = 16
_TEXT = {str, NoneType}
_NUMBER = {float, int, NoneType}
# Values of these types are told apart by being equal or not; 1 and True would not be. Pandas writes NaN beside texts.
_TOLD_APART = ({str, float, NoneType}, {str, int, NoneType}, {bool, NoneType})


def batch_from_many(
    columns: Sequence[Column],
    records: Sequence[Mapping[str, Any]],
    rules: Rules | None = None,
    *,
    strict: bool = False,
) -> Batch:
    """Check records; the result is that of `storage.checking.rows.batch_from_records`, which takes over
    where one is not plain.

    Parameters
    ----------
    columns, records, rules, strict : as there
    """
    rules = rules or rules_of(columns)
    kept = _kept(rules, records) if len(records) >= MIN_RECORDS else None
    if kept is None:
        return rows.batch_from_records(columns, records, rules, strict=strict)
    batch = Batch(list(range(len(records))), [], [])
    rows._fill(batch, columns, kept)
    return batch


def _kept(rules: Rules, records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]] | None:
    """Return the checked values of every column, or None if a cell may be unreadable."""
    if set(map(type, records)) != {dict}:
        return None
    given = set().union(*records)
    if not given <= rules.keys() or "predicted_at" not in given:
        return None
    absent = [None] * len(records)
    try:
        return {n: _column(_values(n, records), rule) if n in given else absent for n, rule in rules.items()}
    except (ValueError, OverflowError):
        return None


def _values(name: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
    try:
        return list(map(itemgetter(name), records))
    except KeyError:
        return [record.get(name) for record in records]


def plain_column(values: Sequence[Any], rule: Rule) -> list[Any] | None:
    """Return what is stored of a column's cells, or None if one of them may be unreadable."""
    try:
        return _column(list(values), rule)
    except (ValueError, OverflowError):
        return None


def _column(values: list[Any], rule: Rule) -> list[Any]:
    """Read the cells of a column; one that is not plain is an error, be it wrong or not."""
    kinds = set(map(type, values))
    if kinds == {NoneType} and rule.kind != "instant":
        return values
    if rule.kind == "number":
        _require(kinds <= _NUMBER)
        return values if kinds == {float} and not _holds_nan(values) else list(map(rule, values))
    if rule.kind in ("category", "variant"):
        _require(any(kinds <= plain for plain in _TOLD_APART))
        # Few of them differ: each is read once.
        read = {value: rule(value) for value in set(values)}
        return values if all(text is value for value, text in read.items()) else [read[value] for value in values]
    if rule.kind in ("key", "text"):
        _require(kinds <= _TEXT)
        return _texts(values, rule)
    return list(map(rule, values))


def _texts(values: list[str | None], rule: Rule) -> list[str | None]:
    texts = [value for value in values if value is not None]
    longest = cells.MAX_TEXT_LENGTH if rule.kind == "text" else cells.MAX_CATEGORY_LENGTH
    cells.check_characters("".join(texts))
    _require(max(map(len, texts)) <= longest)
    if rule.reading.missing.isdisjoint(map(str.strip, texts)):
        return values
    return list(map(rule, values))


def _holds_nan(numbers: Sequence[float]) -> bool:
    """Tell whether a NaN is among them; infinities of both signs look like one."""
    total = sum(numbers)
    return total != total


def _require(plain: bool) -> None:
    if not plain:
        raise ValueError

"""From what a caller hands in to typed columns: a cell that cannot be read is named and stored as missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drift.data.windows import Column
from storage.checking.cells import CODED, ESSENTIAL, PLAIN, Rules, rules_of, short


@dataclass(frozen=True)
class RejectedRow:
    """A row that was not stored: its position in what was handed in, from 0, and why."""

    row: int
    error: str


@dataclass(frozen=True)
class UnreadableCells:
    """Cells of a column that could not be read and are stored as missing: their rows, from 0 and in order, and why."""

    column: str
    rows: tuple[int, ...]
    errors: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.rows)


@dataclass(frozen=True)
class IngestReport:
    """What became of the rows: how many are stored, why others are not, and unreadable cells of the stored."""

    accepted: int
    rejected: tuple[RejectedRow, ...] = ()
    unreadable: tuple[UnreadableCells, ...] = ()


@dataclass
class Coded:
    """Categories as positions in a list of distinct values; -1 is missing."""

    codes: list[int]
    values: list[str]


@dataclass
class Batch:
    """Rows that passed every check, column by column, and those that did not.

    `unreadable` tells, for columns that have them, why cells of passing rows count as missing, by position.
    """

    positions: list[int]
    predicted_at: list[int]
    labelled_at: list[int | None]
    numbers: dict[str, list[float | None]] = field(default_factory=dict)
    categories: dict[str, Coded] = field(default_factory=dict)
    texts: dict[str, list[str | None]] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    unreadable: dict[str, dict[int, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.positions)


def batch_from_records(
    columns: Sequence[Column],
    records: Sequence[Mapping[str, Any]],
    rules: Rules | None = None,
    *,
    strict: bool = False,
) -> Batch:
    """Check rows one by one; made for single predictions and small batches.

    Parameters
    ----------
    columns : the model's registered columns
    records : mappings with `predicted_at` and any of the model's columns and bookkeeping fields
    rules : how their cells are read (storage.checking.cells.rules_of)
    strict : whether a cell that cannot be read costs its row, as one of `predicted_at` or `request_id` always does
    """
    rules = rules or rules_of(columns)
    fatal = rules.keys() if strict else ESSENTIAL
    kept: dict[str, list[Any]] = {name: [] for name in rules}
    batch = Batch([], [], [])
    for position, record in enumerate(records):
        try:
            row, unreadable = _checked(record, rules, fatal)
        except ValueError as error:
            batch.rejected.append(RejectedRow(position, str(error)))
            continue
        batch.positions.append(position)
        for name, value in row.items():
            kept[name].append(value)
        for name, reason in unreadable.items():
            batch.unreadable.setdefault(name, {})[position] = reason
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


def unreadable_cells(batch: Batch, stored: Iterable[int]) -> tuple[UnreadableCells, ...]:
    """Return the unreadable cells of the rows that were stored, given by their places in the batch."""
    if not batch.unreadable:
        return ()
    positions = {batch.positions[place] for place in stored}
    found = []
    for column, reasons in batch.unreadable.items():
        cells = {row: reason for row, reason in sorted(reasons.items()) if row in positions}
        if cells:
            found.append(UnreadableCells(column, tuple(cells), tuple(cells.values())))
    return tuple(found)


def encode(values: Sequence[str | None]) -> Coded:
    """Give each distinct value a position, in order of appearance."""
    distinct = [value for value in dict.fromkeys(values) if value is not None]
    positions: dict[str | None, int] = {value: k for k, value in enumerate(distinct)}
    positions[None] = -1
    return Coded(list(map(positions.__getitem__, values)), distinct)


def _checked(record: Mapping[str, Any], rules: Rules, fatal: Collection[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is stored of a record, and the columns whose cells cannot be read with the reasons."""
    if not isinstance(record, Mapping):
        raise ValueError(f"row must be a mapping of column names to values; got {short(record)}.")
    unknown = [name for name in record if name not in rules]
    if unknown:
        raise ValueError(f"columns must be registered ones ({', '.join(rules)}); got {', '.join(map(str, unknown))}.")
    row, unreadable = {}, {}
    for name, rule in rules.items():
        try:
            row[name] = rule(record.get(name))
        except ValueError as error:
            if name in fatal:
                raise ValueError(f"{name} {error}.") from None
            row[name], unreadable[name] = None, str(error)
    return row, unreadable

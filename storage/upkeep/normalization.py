"""One spelling for what a log holds in several: categories of one meaning become one, in rows and references."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import sqlalchemy as sa

from storage.checking.cells import category_text
from storage.checking.spelling import Reading, class_of, extended, spelling_of
from storage.database.audit import append_audit
from storage.database.engine import writing
from storage.database.schema import reference, reference_values
from storage.log import PredictionLog
from storage.models.catalogue import Entry, add_categories, grow, read_dictionary, read_entry, read_layout, set_readings
from storage.models.layout import Layout
from storage.segments.repair import unseal
from storage.segments.seal import rebuild
from storage.upkeep.evidence_check import rebuild_evidence

_CLASSES = ("prediction", "label")


@dataclass(frozen=True)
class Change:
    """How a column is to be read, which of its categories become which others, and in how many rows."""

    column: str
    reading: Reading
    becomes: Mapping[str, str] = field(default_factory=dict)
    n: int = 0

    @property
    def said(self) -> str:
        """The change as a sentence."""
        pairs = ", ".join(f"{old!r} becomes {new!r}" for old, new in self.becomes.items())
        kept = f"read as {self.reading.spelling} from now on"
        return f"{self.column}: {pairs} in {self.n:,} rows; {kept}." if pairs else f"{self.column}: {kept}."


def normalize(
    log: PredictionLog,
    model: str,
    classes: tuple[tuple[str, str], ...] = (),
    *,
    dry_run: bool = False,
    by: str = "command line",
) -> tuple[Change, ...]:
    """Make old and new spellings of a log one, and read its columns so from now on; return what changes.

    Dictionary, rows and references change in one transaction; segments, counts and evidence are then derived again.
    What people answered stays.

    Parameters
    ----------
    classes : names of predictions and labels, each with the class for which it stands
    dry_run : only tell

    Raises
    ------
    UnknownModel
        If there is no such model.
    ValueError
        If a name would stand for another class than before.
    """
    with writing(log.engine) as connection:
        entry = read_entry(connection, model, lock=True)
        layout, dictionary = read_layout(connection, entry), read_dictionary(connection, entry)
        changes = tuple(_changes(connection, layout, dictionary, classes))
        if dry_run or not changes:
            return changes
        for change in changes:
            if change.becomes:
                _merge(connection, entry, layout, dictionary[change.column], change)
        set_readings(connection, entry, {change.column: change.reading for change in changes})
        # What was derived holds the old codes: nobody may read it meanwhile.
        unseal(connection, entry, None, 0)
        said = {change.column: dict(change.becomes) for change in changes}
        append_audit(connection, by, "normalize", model, becomes=said)
    log.memory.forget()
    rebuild(log.shelf, model)
    rebuild_evidence(log, model)
    return changes


def _changes(
    connection: sa.Connection,
    layout: Layout,
    dictionary: Mapping[str, tuple[str, ...]],
    classes: tuple[tuple[str, str], ...],
) -> Iterator[Change]:
    coded = [column.name for column in layout.columns if column.kind == "categorical"]
    outcomes = [name for name in _CLASSES if name in coded]
    known = extended(layout.readings[outcomes[0]], Reading(classes=classes)).classes if outcomes else ()
    stood_for = [class_of(value, known) for name in outcomes for value in dictionary.get(name, ())]
    shared = spelling_of(stood_for, classes=True)
    for name in coded:
        old, values = layout.readings[name], dictionary.get(name, ())
        spelling = old.spelling
        if spelling == "text":
            spelling = shared if name in outcomes else spelling_of(values)
        reading = replace(old, spelling=spelling)
        if name in outcomes:
            reading = extended(reading, Reading(classes=classes))
        as_read = replace(reading, missing=frozenset())
        becomes = {value: new for value in values if (new := str(category_text(value, as_read))) != value}
        used = _used(connection, layout, name)
        becomes = {value: new for value, new in becomes.items() if values.index(value) in used}
        if becomes or reading != old:
            n = sum(used[values.index(value)] for value in becomes)
            yield Change(name, reading, becomes, n)


def _used(connection: sa.Connection, layout: Layout, name: str) -> dict[int, int]:
    """Return how many rows hold each category, by code; a code that became another is held by none."""
    column = layout.table.c[name]
    query = sa.select(column, sa.func.count()).where(column.is_not(None)).group_by(column)
    return {int(code): int(n) for code, n in connection.execute(query)}


def _merge(connection: sa.Connection, entry: Entry, layout: Layout, values: tuple[str, ...], change: Change) -> None:
    """Give rows and references the code of the one spelling; codes that are left keep their place and no rows."""
    new = [value for value in dict.fromkeys(change.becomes.values()) if value not in values]
    n_new = add_categories(connection, entry, change.column, len(values), new)
    if n_new < len(new):
        raise ValueError(f"{change.column} must have room for {len(new):,} more categories; got {n_new:,}.")
    grow(connection, entry, 0, n_new)
    code = {value: k for k, value in enumerate((*values, *new))}
    moved = {code[old]: code[becomes] for old, becomes in change.becomes.items()}
    column = layout.table.c[change.column]
    case = sa.case(*((column == old, became) for old, became in moved.items()), else_=column)
    connection.execute(sa.update(layout.table).where(column.in_(list(moved))).values({change.column: case}))
    _merge_references(connection, entry, change.column, moved)


def _merge_references(connection: sa.Connection, entry: Entry, name: str, moved: Mapping[int, int]) -> None:
    c = reference_values.c
    query = (
        sa.select(c.reference_id, c.dtype, c.data)
        .join_from(reference, reference_values, reference.c.id == c.reference_id)
        .where(reference.c.model_id == entry.id, c.column_name == name)
    )
    for reference_id, dtype, data in connection.execute(query, execution_options={"drift_binary": True}).all():
        codes = np.frombuffer(data, dtype).copy()
        for old, became in moved.items():
            codes[np.frombuffer(data, dtype) == old] = became
        this = sa.update(reference_values).where(c.reference_id == reference_id, c.column_name == name)
        connection.execute(this.values(data=codes.tobytes()))

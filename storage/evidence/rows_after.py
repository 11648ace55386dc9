"""The rows that come after a row: what a watcher reads on from where it stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.data.samples import Sample
from drift.data.windows import Column, RowSpan
from drift.life.ledger import Rows
from drift.monitor.references import read_each
from storage.database import ids
from storage.database.engine import reading
from storage.database.schema import instant_from, microseconds
from storage.models.catalogue import Entry, read_entry
from storage.reading.selection import Dictionary, sample_from
from storage.references import frozen
from storage.references.frozen import Reference
from storage.segments.shelf import Shelf, read_samples
from storage.segments.view import View

# From so many rows on they are read by position, which sealed segments answer fast.
_MANY = 8_192


@dataclass(frozen=True, eq=False)
class RowStream:
    """The `drift.life.ledger.Stream` of one model since one frozen reference."""

    shelf: Shelf
    model: str
    reference: str

    def n_after(self, row_id: int | None, at_most: int) -> int:
        """Count the rows after a row (None: after the reference), as far as `at_most`."""
        with reading(self.shelf.engine) as connection:
            entry, reference = self._found(connection)
            table = self.shelf.catalogue.layout(connection, entry).table
            return count_after(connection, table, reference, row_id, at_most)

    def rows_after(self, row_id: int | None, n: int, columns: Sequence[Column]) -> Rows:
        """Return the n rows after a row (None: after the reference), in time order.

        Returns
        -------
        Rows
            ids and microseconds since 1970, int64 of shape (n,) or fewer where the log ends, and a sample as long for
            each column, or the exception that hindered reading it.
        """
        with reading(self.shelf.engine) as connection:
            entry, reference = self._found(connection)
            dictionary = self.shelf.catalogue.dictionary(connection, entry)
            return read_after(self.shelf.view_of(connection, entry), dictionary, reference, row_id, n, columns)

    def instant_before(self, row_id: int, n: int) -> datetime:
        """Return when the row n rows before a row came, or the first row where the log begins later."""
        with reading(self.shelf.engine) as connection:
            entry, _ = self._found(connection)
            return read_instant_before(connection, self.shelf.catalogue.layout(connection, entry).table, row_id, n)

    def _found(self, connection: sa.Connection) -> tuple[Entry, Reference]:
        entry = read_entry(connection, self.model)
        return entry, frozen.find(connection, entry, self.reference)


def count_after(
    connection: sa.Connection, table: sa.Table, reference: Reference, row_id: int | None, at_most: int
) -> int:
    """Count the rows after a row (None: after the reference), as far as `at_most`."""
    # In order: a database that knows nothing yet of new rows might search all of the old ones for them.
    ordered = sa.select(table.c.id).where(_after(connection, table, reference, row_id)).order_by(table.c.id)
    some = ordered.limit(at_most).subquery()
    n: int = connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()
    return n


def read_after(
    view: View, dictionary: Dictionary, reference: Reference, row_id: int | None, n: int, columns: Sequence[Column]
) -> Rows:
    """Return the n rows after a row (None: after the reference), in time order.

    A column that cannot be read leaves its neighbours alone: the exception stands in its place.

    Returns
    -------
    Rows
        ids and microseconds since 1970, int64 of shape (n,) or fewer where the log ends, and a sample as long for
        each column, or the exception that hindered reading it.
    """
    connection, table = view.connection, view.layout.table
    query = sa.select(table.c.id, table.c.predicted_at).where(_after(connection, table, reference, row_id))
    found = connection.execute(query.order_by(table.c.id).limit(n)).all()
    row_ids, micros = (np.array(part, np.int64) for part in (zip(*found, strict=True) if found else ((), ())))
    if not found:
        return Rows(row_ids, micros, {column.name: sample_from(column, (), ()) for column in columns})
    first, last = int(row_ids[0]), int(row_ids[-1])

    def read(some: Sequence[Column]) -> Mapping[str, Sample]:
        if len(found) < _MANY:
            return _read_between(view, dictionary, first, last, some)
        before = connection.execute(sa.select(sa.func.count()).where(table.c.id < first)).scalar_one()
        return read_samples(view, dictionary, RowSpan(before, before + len(found)), some)

    samples: dict[str, Sample | Exception] = {}
    try:
        samples.update(read_each(read, columns))
    except Exception as error:  # the rows were there a moment ago: it is the columns that fail
        samples = dict.fromkeys((column.name for column in columns), error)
    for name, sample in samples.items():
        if not isinstance(sample, Exception) and len(sample) != len(found):
            changed = len(sample) - len(found)
            samples[name] = ValueError(f"rows must stay as they are while they are read; {changed:+} came or went.")
    return Rows(row_ids, micros, samples)


def read_instant_before(connection: sa.Connection, table: sa.Table, row_id: int, n: int) -> datetime:
    """Return when the row n rows before a row came, or the first row where the log begins later."""
    at = table.c.predicted_at
    before = sa.select(at).where(table.c.id <= row_id).order_by(table.c.id.desc()).offset(n).limit(1)
    micros = connection.execute(before).scalar()
    if micros is None:
        micros = connection.execute(sa.select(at).order_by(table.c.id).limit(1)).scalar_one()
    return instant_from(micros)


def _after(
    connection: sa.Connection, table: sa.Table, reference: Reference, row_id: int | None
) -> sa.ColumnElement[bool]:
    if row_id is not None:
        return table.c.id > row_id
    end = microseconds(reference.end)
    first = (
        sa.select(table.c.id)
        .where(table.c.id >= ids.first_id(end), table.c.predicted_at >= end)
        .order_by(table.c.id)
        .limit(1)
    )
    found = connection.execute(first).scalar()
    return table.c.id >= found if found is not None else sa.false()


def _read_between(
    view: View, dictionary: Dictionary, first: int, last: int, columns: Sequence[Column]
) -> dict[str, Sample]:
    c = view.layout.table.c
    query = sa.select(*(c[column.name] for column in columns)).where(c.id >= first, c.id <= last).order_by(c.id)
    by_column: list[Sequence[Any]] = list(zip(*view.connection.execute(query).all(), strict=True)) or [()] * len(
        columns
    )
    return {
        column.name: sample_from(column, values, dictionary.get(column.name, ()))
        for column, values in zip(columns, by_column, strict=True)
    }

"""Removes rows for good, the old ones or those of one person, and whatever was derived from them with them."""

from datetime import datetime

import numpy as np
import sqlalchemy as sa

from storage.database import ids
from storage.database.audit import append_audit
from storage.database.driver import chunks
from storage.database.engine import empty_write_ahead_log, erasing, reading, writing
from storage.database.schema import (
    block_histogram,
    dirty,
    microseconds,
    reference,
    segment,
    segment_histogram,
    segment_values,
    shadow_answer,
)
from storage.database.schema import model as model_table
from storage.evidence.ledger import mark_stale
from storage.log import PredictionLog
from storage.models.catalogue import Entry, read_entry
from storage.models.layout import Layout
from storage.segments import repair
from storage.segments.format import SegmentIndex
from storage.segments.grids import BLOCK_SEGMENTS, read_cumulated
from storage.segments.shelf import Shelf
from storage.writing.labels import note_arrivals
from storage.writing.unreadable import drop_before

# Removed in one transaction: other writers wait for it.
_SEGMENTS_AT_ONCE = 32
_REPAIRED_AT_ONCE = 8
_LOWEST = int(np.iinfo(np.int64).min)


def retain(log: PredictionLog, model: str, before: datetime, by: str = "command line") -> int:
    """Remove the rows predicted before an instant (to the millisecond); return how many.

    What is kept of them are the references that were frozen from them. The file does not shrink: new rows take
    the place of the old ones.
    """
    shelf = log.shelf
    border = ids.first_id(microseconds(before))
    n_removed = 0
    while (n := _retire_some(shelf, model, border)) is not None:
        n_removed += n
    if n_removed:
        with writing(shelf.engine) as connection:
            drop_before(connection, read_entry(connection, model), microseconds(before))
            append_audit(connection, by, "retain", model, before=before.isoformat(), n_rows=n_removed)
    return n_removed


def _retire_some(shelf: Shelf, model: str, border: int) -> int | None:
    """Remove whole segments from the front, or else what is left below the border; None if nothing is left."""
    with writing(shelf.engine) as connection:
        entry = read_entry(connection, model, lock=True)
        layout = shelf.catalogue.layout(connection, entry)
        index = shelf.segments.index(connection, entry)
        n_whole = min(int(np.searchsorted(index.last_id, border, side="left")), _SEGMENTS_AT_ONCE)
        if n_whole:
            _drop_segments(connection, shelf, entry, layout, index, n_whole)
            n = _delete(connection, entry, layout, layout.table.c.id <= int(index.last_id[n_whole - 1]))
            # Without a segment left, nothing is noted as sealed any more.
            n_sealed = int(index.stops[n_whole - 1]) if n_whole < len(index) else 0
        else:
            n = _delete(connection, entry, layout, layout.table.c.id < border)
            n_sealed = n if len(index) else 0
            if n_sealed:
                grids = shelf.grids.grids(connection, entry, layout)
                repair.repair(connection, entry, layout, index, grids, [int(index.k[0])])
        if n or n_whole:
            _note(connection, entry, n, n_sealed, n_retired=n)
        return n if n or n_whole else None


def _drop_segments(
    connection: sa.Connection, shelf: Shelf, entry: Entry, layout: Layout, index: SegmentIndex, n: int
) -> None:
    """Remove the first n segments; what they add to the counts of those that stay in their block goes too."""
    if n == len(index):
        repair.unseal(connection, entry, index, int(index.k[0]))
        return
    first_kept = int(index.k[n])
    for grid in shelf.grids.grids(connection, entry, layout):
        if grid.counted_to > first_kept and first_kept % BLOCK_SEGMENTS:
            for position, counts in read_cumulated(connection, grid, first_kept - 1).items():
                repair.shift_counts(connection, grid, position, {first_kept: -counts})
    for table in (segment, segment_values, dirty):
        connection.execute(sa.delete(table).where(table.c.model_id == entry.id, table.c.k < first_kept))
    of_model = sa.select(reference.c.id).where(reference.c.model_id == entry.id)
    h, b = segment_histogram.c, block_histogram.c
    connection.execute(sa.delete(segment_histogram).where(h.reference_id.in_(of_model), h.k < first_kept))
    gone = b.block < first_kept // BLOCK_SEGMENTS
    connection.execute(sa.delete(block_histogram).where(b.reference_id.in_(of_model), gone))


def erase(log: PredictionLog, model: str, entity_id: str, by: str = "command line") -> int:
    """Remove every row of one entity, such as a person; return how many.

    Segments and counts are written anew in the same transactions, and an SQLite file keeps no trace of the rows in
    its free pages. Frozen references hold values without ids and stay as they are.
    """
    shelf = log.shelf
    n_erased = 0
    while found := _ids_of(shelf, model, entity_id):
        n_erased += _erase_some(shelf, model, found)
    if n_erased:
        with writing(shelf.engine) as connection:
            append_audit(connection, by, "erase", model, n_rows=n_erased)  # and not whose
        empty_write_ahead_log(shelf.engine)
    return n_erased


def _ids_of(shelf: Shelf, model: str, entity_id: str) -> list[int]:
    with reading(shelf.engine) as connection:
        table = shelf.catalogue.layout(connection, read_entry(connection, model)).table
        query = sa.select(table.c.id).where(table.c.entity_id == entity_id).order_by(table.c.id)
        return list(connection.execute(query).scalars())


def _erase_some(shelf: Shelf, model: str, found: list[int]) -> int:
    """Remove those of the rows that lie in the first few segments touched."""
    with writing(shelf.engine) as connection, erasing(connection):
        entry = read_entry(connection, model, lock=True)
        layout = shelf.catalogue.layout(connection, entry)
        index = shelf.segments.index(connection, entry)
        places = np.searchsorted(index.last_id, np.array(found, np.int64), side="left")
        touched = np.unique(places)[:_REPAIRED_AT_ONCE]
        chosen = [key for key, place in zip(found, places.tolist(), strict=True) if place in touched]
        n_sealed = n_unsealed = 0
        for part in chunks(chosen):
            gone = layout.table.c.id.in_(part)
            _note_labels(connection, entry, layout, gone)
            behind = layout.table.c.id > (entry.sealed_id if entry.sealed_id is not None else _LOWEST)
            n_unsealed += _delete(connection, entry, layout, sa.and_(gone, behind))
            n_sealed += _delete(connection, entry, layout, gone)
        segments = [int(index.k[place]) for place in touched.tolist() if place < len(index)]
        if segments:
            grids = shelf.grids.grids(connection, entry, layout)
            repair.repair(connection, entry, layout, index, grids, segments)
        mark_stale(connection, entry.id, min(chosen))
        _note(connection, entry, n_sealed + n_unsealed, n_sealed)
        return n_sealed + n_unsealed


def _note_labels(connection: sa.Connection, entry: Entry, layout: Layout, which: sa.ColumnElement[bool]) -> None:
    """Take back the evidence from labels that go."""
    at = layout.table.c.labelled_at
    note_arrivals(connection, entry.id, [connection.execute(sa.select(sa.func.min(at)).where(which)).scalar()])


def _delete(connection: sa.Connection, entry: Entry, layout: Layout, which: sa.ColumnElement[bool]) -> int:
    """Delete rows of the log, and what other versions answered to the same requests."""
    requests = sa.select(layout.table.c.request_id).where(which, layout.table.c.request_id.is_not(None))
    s = shadow_answer.c
    connection.execute(sa.delete(shadow_answer).where(s.model_id == entry.id, s.request_id.in_(requests)))
    return connection.execute(sa.delete(layout.table).where(which)).rowcount


def _note(connection: sa.Connection, entry: Entry, n: int, n_sealed: int, n_retired: int = 0) -> None:
    c = model_table.c
    connection.execute(
        sa.update(model_table)
        .where(c.id == entry.id)
        .values(
            revision=c.revision + 1,
            seal_revision=c.seal_revision + 1,
            n_rows=c.n_rows - n,
            n_sealed=c.n_sealed - n_sealed,
            n_retired=c.n_retired + n_retired,
        )
    )

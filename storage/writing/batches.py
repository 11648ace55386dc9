"""Appends checked rows to a model's log and, where they come in bulk, seals what is full in the same transaction."""

from dataclasses import dataclass, replace

import numpy as np
import sqlalchemy as sa

from storage.checking.rows import Batch, RejectedRow, UnreadableCells, unreadable_cells
from storage.database import ids
from storage.evidence.ledger import mark_stale
from storage.models.catalogue import Entry, grow
from storage.models.layout import Layout
from storage.segments.format import SEGMENT_ROWS, Rows, joined, sealed_columns
from storage.segments.repair import mark_late
from storage.segments.seal import seal_rows
from storage.segments.shelf import Shelf
from storage.segments.view import MOST_UNSEALED
from storage.writing.insertion import Inserted, insert_batch
from storage.writing.labels import note_arrivals, note_known
from storage.writing.unreadable import note_unreadable

# From so many rows on, a batch is kept as arrays beside its rows: sealing then reads nothing back.
_BULK_ROWS = 256


@dataclass(frozen=True)
class Appended:
    """What became of a batch; `tail` holds the rows behind the watermark if they are known without reading them."""

    n: int
    rejected: list[RejectedRow]
    unreadable: tuple[UnreadableCells, ...]
    entry: Entry
    tail: Rows | None
    filled_a_segment: bool


def append_batch(
    connection: sa.Connection, shelf: Shelf, entry: Entry, batch: Batch, rng: np.random.Generator
) -> Appended:
    """Insert the rows of a batch in the caller's transaction, which holds the model's row."""
    layout = shelf.catalogue.layout(connection, entry)
    newest = layout.newest_id(connection)
    is_bulk = len(batch) >= _BULK_ROWS and entry.n_unsealed < MOST_UNSEALED and _comes_after(batch, newest)
    tail = shelf.tails.rows(connection, entry, layout) if is_bulk else None
    inserted = insert_batch(connection, shelf.catalogue, entry, batch, newest, rng)
    n_late = _note_changes(connection, shelf, entry, batch, inserted, newest)
    unreadable = unreadable_cells(batch, inserted.kept)
    note_unreadable(connection, entry, batch, unreadable)
    n = len(inserted.kept)
    grow(connection, entry, n, inserted.n_new_categories)
    after = replace(entry, n_rows=entry.n_rows + n, n_sealed=entry.n_sealed + n_late)
    if tail is not None and n:
        after, tail = _seal(connection, shelf, after, layout, joined([tail, _as_rows(layout, batch, inserted)]))
    filled = after.n_unsealed // SEGMENT_ROWS > entry.n_unsealed // SEGMENT_ROWS
    return Appended(n, inserted.rejected, unreadable, after, tail, filled and tail is None)


def _comes_after(batch: Batch, newest: int | None) -> bool:
    return newest is None or min(batch.predicted_at) // 1000 > newest >> ids.SEQUENCE_BITS


def _note_changes(
    connection: sa.Connection, shelf: Shelf, entry: Entry, batch: Batch, inserted: Inserted, newest: int | None
) -> int:
    """Tell whoever has taken in older rows and labels what came late; return how many rows belong to segments."""
    n_late = 0
    if newest is not None and inserted.ids.size and (lowest := int(inserted.ids.min())) < newest:
        mark_stale(connection, entry.id, lowest)
        if entry.sealed_id is not None and lowest <= entry.sealed_id:
            times = np.array([batch.predicted_at[k] for k in inserted.kept], np.int64)
            n_late = mark_late(connection, entry, shelf.segments.index(connection, entry), inserted.ids, times)
    labelled_at = [batch.labelled_at[k] for k in inserted.kept]
    note_arrivals(connection, entry.id, labelled_at)
    at_once = [at == batch.predicted_at[k] for k, at in zip(inserted.kept, labelled_at, strict=True)]
    if any(at_once):
        note_known(connection, entry.id, int(inserted.ids[at_once].max()))
    return n_late


def _as_rows(layout: Layout, batch: Batch, inserted: Inserted) -> Rows:
    """Return the inserted rows as arrays, in the order of their ids."""
    order = np.argsort(inserted.ids, kind="stable")
    places = np.array(inserted.kept, np.int64)[order]
    columns = {}
    for column in sealed_columns(layout).values():
        stored = batch.numbers[column.name] if column.kind == "numeric" else inserted.codes[column.name]
        values = np.array(stored, np.float64)[places]
        columns[column.name] = values if column.kind == "numeric" else np.nan_to_num(values, nan=-1.0).astype(np.int32)
    return Rows(inserted.ids[order], np.array(batch.predicted_at, np.int64)[places], columns)


def _seal(connection: sa.Connection, shelf: Shelf, entry: Entry, layout: Layout, tail: Rows) -> tuple[Entry, Rows]:
    """Seal the full segments at the front of the rows behind the watermark; return what is left of them."""
    if len(tail) < SEGMENT_ROWS:
        return entry, tail
    grids = shelf.grids.grids(connection, entry, layout)
    sealed = SEGMENT_ROWS * seal_rows(connection, grids, entry, layout, tail)
    after = replace(entry, sealed_id=int(tail.ids[sealed - 1]), n_sealed=entry.n_sealed + sealed)
    return after, tail.part(sealed, len(tail))

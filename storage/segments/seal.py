"""Seals rows behind the watermark into segments, each exactly once: what is written and the watermark move together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from storage.database.engine import reading, writing
from storage.database.schema import model as model_table
from storage.database.schema import segment, segment_values
from storage.models.catalogue import Entry, read_entry
from storage.models.layout import Layout
from storage.segments.format import (
    SEGMENT_ROWS,
    TIMES,
    Rows,
    encode,
    encode_times,
    missing_values,
    read_blobs,
    read_dirty,
    read_log_rows,
    sealed_columns,
)
from storage.segments.grids import Grid, Running, restore_edges, set_counted
from storage.segments.repair import repair, unseal
from storage.segments.shelf import Shelf
from storage.segments.view import View

# Counted for a new reference in one transaction.
_COUNTED_AT_ONCE = 16
# A segment that late rows have made this large is sealed anew, with all that follow it.
_OVERGROWN = 2 * SEGMENT_ROWS


@dataclass(frozen=True)
class CaughtUp:
    """What a pass found to do: segments sealed, repaired, and counted for a new reference."""

    n_sealed: int = 0
    n_repaired: int = 0
    n_counted: int = 0


def seal_rows(connection: sa.Connection, grids: Sequence[Grid], entry: Entry, layout: Layout, rows: Rows) -> int:
    """Seal the full segments at the front of `rows`, which must be those next to the watermark; return how many.

    The caller's transaction holds the model's row, so nobody else can seal them too.
    """
    n_segments = len(rows) // SEGMENT_ROWS
    if n_segments == 0:
        return 0
    first = next_segment(connection, entry)
    columns = sealed_columns(layout)
    counted = [grid for grid in grids if grid.counted_to >= first]
    running = [Running(connection, grid, first) for grid in counted]
    for at in range(n_segments):
        part = rows.part(at * SEGMENT_ROWS, (at + 1) * SEGMENT_ROWS)
        k = first + at
        values = {position: part.columns[column.name] for position, column in columns.items()}
        insert_segment(connection, entry, k, part, values)
        for counts in running:
            counts.add(k, {position: counts.grid.counts(position, found) for position, found in values.items()})
    set_counted(connection, (grid.reference_id for grid in counted), first + n_segments)
    sealed = n_segments * SEGMENT_ROWS
    connection.execute(
        sa.update(model_table)
        .where(model_table.c.id == entry.id)
        .values(sealed_id=int(rows.ids[sealed - 1]), n_sealed=model_table.c.n_sealed + sealed)
    )
    return n_segments


def next_segment(connection: sa.Connection, entry: Entry) -> int:
    """Return the number that the next segment of a model gets."""
    newest = connection.execute(sa.select(sa.func.max(segment.c.k)).where(segment.c.model_id == entry.id)).scalar()
    return 0 if newest is None else newest + 1


def insert_segment(
    connection: sa.Connection, entry: Entry, k: int, rows: Rows, values: Mapping[int, np.ndarray]
) -> None:
    """Write a segment and its columns, by position.

    Parameters
    ----------
    values : arrays of shape (len(rows),) by position of a column
        float64 with NaN for missing, or int32 codes with -1.
    """
    connection.execute(
        sa.insert(segment).values(
            model_id=entry.id,
            k=k,
            n=len(rows),
            last_id=int(rows.ids[-1]),
            start_at=int(rows.at.min()),
            end_at=int(rows.at.max()),
        )
    )
    encoded = {TIMES: encode_times(rows.at)} | {position: encode(found) for position, found in values.items()}
    connection.execute(
        sa.insert(segment_values),
        [
            {"model_id": entry.id, "position": position, "k": k, "dtype": dtype, "data": data}
            for position, (dtype, data) in encoded.items()
        ],
    )


def catch_up(shelf: Shelf, model: str, max_segments: int | None = None) -> CaughtUp:
    """Repair, seal and count what is left of a model, one short transaction after the other.

    Any number of processes may do this at once. A killed one leaves nothing half done.

    Parameters
    ----------
    max_segments : of each kind of work, after how many segments to leave the rest to the next pass (None: do it all)
    """
    limit = 2**62 if max_segments is None else max_segments
    n_repaired, n_sealed, n_counted = (
        _up_to(limit, step, shelf, model) for step in (_repair_some, _seal_next, _count_some)
    )
    return CaughtUp(n_sealed, n_repaired, n_counted)


def _up_to(limit: int, step: Callable[[Shelf, str], int], shelf: Shelf, model: str) -> int:
    n_done = 0
    while n_done < limit and (n := step(shelf, model)):
        n_done += n
    return n_done


def rebuild(shelf: Shelf, model: str) -> CaughtUp:
    """Throw away what was derived from a model's rows, count these, and derive it again."""
    with writing(shelf.engine) as connection:
        entry = read_entry(connection, model, lock=True)
        layout = shelf.catalogue.layout(connection, entry)
        unseal(connection, entry, None, 0)
        n_rows = connection.execute(sa.select(sa.func.count()).select_from(layout.table)).scalar_one()
        restore_edges(connection, entry, layout)
        connection.execute(
            sa.update(model_table)
            .where(model_table.c.id == entry.id)
            .values(n_rows=n_rows, revision=model_table.c.revision + 1)
        )
    shelf.grids.forget()
    return catch_up(shelf, model)


def _repair_some(shelf: Shelf, model: str) -> int:
    with reading(shelf.engine) as connection:
        if not read_dirty(connection, read_entry(connection, model)):
            return 0
    with writing(shelf.engine) as connection:
        entry = read_entry(connection, model, lock=True)
        layout = shelf.catalogue.layout(connection, entry)
        index = shelf.segments.index(connection, entry)
        marked = sorted(read_dirty(connection, entry))
        for k in marked:
            if index.n[np.searchsorted(index.k, k)] > _OVERGROWN:
                unseal(connection, entry, index, k)
                return len(marked)
        grids = shelf.grids.grids(connection, entry, layout)
        return repair(connection, entry, layout, index, grids, marked) if marked else 0


def _seal_next(shelf: Shelf, model: str) -> int:
    """Seal one segment; read its rows without a lock, and begin again if another writer came between."""
    while True:
        with reading(shelf.engine) as connection:
            before = read_entry(connection, model)
            if before.n_unsealed < SEGMENT_ROWS:
                return 0
            layout = shelf.catalogue.layout(connection, before)
            columns = sealed_columns(layout).values()
            rows = read_log_rows(connection, layout, columns, before.sealed_id, limit=SEGMENT_ROWS)
        if len(rows) < SEGMENT_ROWS:
            return 0
        with writing(shelf.engine) as connection:
            entry = read_entry(connection, model, lock=True)
            if (entry.sealed_id, entry.seal_revision, entry.n_columns) != _state(before):
                continue
            if _count(connection, layout, entry.sealed_id, int(rows.ids[-1])) != SEGMENT_ROWS:
                continue
            return seal_rows(connection, shelf.grids.grids(connection, entry, layout), entry, layout, rows)


def _state(entry: Entry) -> tuple[int | None, int, int]:
    return entry.sealed_id, entry.seal_revision, entry.n_columns


def _count(connection: sa.Connection, layout: Layout, above: int | None, up_to: int) -> int:
    key = layout.table.c.id
    query = sa.select(sa.func.count()).where(key <= up_to)
    n: int = connection.execute(query if above is None else query.where(key > above)).scalar_one()
    return n


def _count_some(shelf: Shelf, model: str) -> int:
    """Count the next few segments for a reference that was frozen after they were sealed."""
    with reading(shelf.engine) as connection:
        if not _uncounted(shelf, shelf.view(connection, model)):
            return 0
    with writing(shelf.engine) as connection:
        view = shelf.view_of(connection, read_entry(connection, model, lock=True))
        entry, index, behind = view.entry, view.index, _uncounted(shelf, view)
        if not behind:
            return 0
        grid = behind[0]
        first = max(grid.counted_to, int(index.k[0]))
        last = min(first + _COUNTED_AT_ONCE - 1, int(index.k[-1]))
        positions = sealed_columns(view.layout)
        blobs = read_blobs(connection, entry, list(positions), first, last)
        sizes = dict(zip(index.k.tolist(), index.n.tolist(), strict=True))
        running = Running(connection, grid, first)
        for k in range(first, last + 1):
            absent = {position: missing_values(column, sizes[k]) for position, column in positions.items()}
            values = {position: blobs.get((position, k), absent[position]) for position in positions}
            running.add(k, {position: grid.counts(position, found) for position, found in values.items()})
        set_counted(connection, [grid.reference_id], last + 1)
        return last + 1 - first


def _uncounted(shelf: Shelf, view: View) -> list[Grid]:
    """Return the references that have segments left to be counted, the oldest first."""
    if not len(view.index):
        return []
    grids = shelf.grids.grids(view.connection, view.entry, view.layout)
    return [grid for grid in grids if grid.counted_to <= int(view.index.k[-1])]

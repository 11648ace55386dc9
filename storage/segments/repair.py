"""Keeps segments true when rows beneath them change: late rows are marked and repaired, many are sealed anew."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import sqlalchemy as sa

from storage.database.driver import insert_or_ignore
from storage.database.schema import block_histogram, dirty, reference, segment, segment_histogram, segment_values
from storage.database.schema import model as model_table
from storage.models.catalogue import Entry
from storage.models.layout import Layout
from storage.segments.format import (
    TIMES,
    Rows,
    SegmentIndex,
    encode,
    encode_times,
    missing_values,
    read_blobs,
    read_log_rows,
    sealed_columns,
)
from storage.segments.grids import BLOCK_SEGMENTS, Grid, added, packed, unpacked

# Segments repaired in one transaction.
_AT_ONCE = 8
_Changes = dict[int, dict[int, np.ndarray]]


def mark_late(connection: sa.Connection, entry: Entry, index: SegmentIndex, ids: np.ndarray, at: np.ndarray) -> int:
    """Count new rows that lie below the watermark into their segments and mark these; return how many there are.

    The marks are committed with the rows, so no reader takes an old segment for a complete one.

    Parameters
    ----------
    ids, at : int64 arrays, shape (n,)
        New rows in any order, with their instants in microseconds since 1970.

    Returns
    -------
    int
        From 0 to n.
    """
    late = ids <= (entry.sealed_id if entry.sealed_id is not None else np.iinfo(np.int64).min)
    n_late = int(late.sum())
    if entry.sealed_id is None or n_late == 0:
        return 0
    places = np.searchsorted(index.last_id, ids[late], side="left")
    for place in np.unique(places).tolist():
        times = at[late][places == place]
        old_n, k = int(index.n[place]), int(index.k[place])
        start, end = int(times.min()), int(times.max())
        if old_n:
            start, end = min(start, int(index.start_at[place])), max(end, int(index.end_at[place]))
        _set_segment(connection, entry, k, old_n + times.size, start, end)
        connection.execute(insert_or_ignore(connection, dirty).values(model_id=entry.id, k=k))
    c = model_table.c
    connection.execute(
        sa.update(model_table)
        .where(c.id == entry.id)
        .values(n_sealed=c.n_sealed + n_late, seal_revision=c.seal_revision + 1)
    )
    return n_late


def _set_segment(connection: sa.Connection, entry: Entry, k: int, n: int, start: int | None, end: int | None) -> None:
    c = segment.c
    connection.execute(
        sa.update(segment).where(c.model_id == entry.id, c.k == k).values(n=n, start_at=start, end_at=end)
    )


def repair(
    connection: sa.Connection,
    entry: Entry,
    layout: Layout,
    index: SegmentIndex,
    grids: Sequence[Grid],
    segments: Sequence[int],
) -> int:
    """Write the first few of these segments anew from the log, and every count above them; return how many.

    The caller's transaction holds the model's row.
    """
    chosen = sorted(segments)[:_AT_ONCE]
    changes: dict[int, _Changes] = {grid.reference_id: defaultdict(dict) for grid in grids}
    for k in chosen:
        place = int(np.searchsorted(index.k, k))
        rows = read_log_rows(
            connection, layout, sealed_columns(layout).values(), index.above(place), int(index.last_id[place])
        )
        for reference_id, by_position in _rewrite(connection, entry, layout, grids, k, rows).items():
            for position, change in by_position.items():
                changes[reference_id][position][k] = change
    for grid in grids:
        for position, by_segment in changes[grid.reference_id].items():
            shift_counts(connection, grid, position, by_segment)
    c = dirty.c
    connection.execute(sa.delete(dirty).where(c.model_id == entry.id, c.k.in_(chosen)))
    bump(connection, entry)
    return len(chosen)


def bump(connection: sa.Connection, entry: Entry) -> None:
    """Tell every reader that segments it may know have changed."""
    c = model_table.c
    connection.execute(sa.update(model_table).where(c.id == entry.id).values(seal_revision=c.seal_revision + 1))


def _rewrite(
    connection: sa.Connection, entry: Entry, layout: Layout, grids: Sequence[Grid], k: int, rows: Rows
) -> dict[int, dict[int, np.ndarray]]:
    """Write a segment's columns anew; return by reference and position what that adds to the counts."""
    positions = sealed_columns(layout)
    old = read_blobs(connection, entry, list(positions), k, k)
    n_old = next((values.size for values in old.values()), 0)
    c = segment_values.c
    connection.execute(
        sa.delete(segment_values).where(c.model_id == entry.id, c.k == k, c.position.in_([TIMES, *positions]))
    )
    stored = {TIMES: encode_times(rows.at)}
    changes: dict[int, dict[int, np.ndarray]] = {grid.reference_id: {} for grid in grids if grid.counted_to > k}
    for position, column in positions.items():
        new = rows.columns[column.name]
        stored[position] = encode(new)
        before = old.get((position, k), missing_values(column, n_old))
        for grid in grids:
            if grid.counted_to > k:
                change = added(grid.counts(position, new), -grid.counts(position, before))
                if change.any():
                    changes[grid.reference_id][position] = change
    connection.execute(
        sa.insert(segment_values),
        [
            {"model_id": entry.id, "position": position, "k": k, "dtype": dtype, "data": data}
            for position, (dtype, data) in stored.items()
        ],
    )
    start, end = (int(rows.at.min()), int(rows.at.max())) if len(rows) else (None, None)
    _set_segment(connection, entry, k, len(rows), start, end)
    return changes


def shift_counts(connection: sa.Connection, grid: Grid, position: int, changes: Mapping[int, np.ndarray]) -> None:
    """Add what changed in some segments to their counts and to all that follow in the same block.

    Parameters
    ----------
    changes : int arrays of shape (n_cells,) by number of the segment: what to add to each cell, or take away
    """
    for block in sorted({k // BLOCK_SEGMENTS for k in changes}):
        inside = {k: change for k, change in changes.items() if k // BLOCK_SEGMENTS == block}
        first, stop = min(inside), min((block + 1) * BLOCK_SEGMENTS, grid.counted_to)
        c = segment_histogram.c
        where = (c.reference_id == grid.reference_id, c.position == position, c.k >= first, c.k < stop)
        stored = {
            k: unpacked(data) for k, data in connection.execute(sa.select(c.k, c.data).where(*where).order_by(c.k))
        }
        connection.execute(sa.delete(segment_histogram).where(*where))
        total = np.zeros(0, np.int64)
        rows = []
        for k in range(first, stop):
            total = added(total, inside.get(k, total[:0]))
            counts = added(stored.get(k, total[:0]), total)
            if counts.any():
                rows.append({"reference_id": grid.reference_id, "position": position, "k": k, "data": packed(counts)})
        if rows:
            connection.execute(sa.insert(segment_histogram), rows)
        if stop == (block + 1) * BLOCK_SEGMENTS:
            _shift_block(connection, grid, position, block, total)


def _shift_block(connection: sa.Connection, grid: Grid, position: int, block: int, change: np.ndarray) -> None:
    c = block_histogram.c
    where = (c.reference_id == grid.reference_id, c.position == position, c.block == block)
    data = connection.execute(sa.select(c.data).where(*where)).scalar()
    counts = change if data is None else added(unpacked(data), change)
    connection.execute(sa.delete(block_histogram).where(*where))
    row = {"reference_id": grid.reference_id, "position": position, "block": block, "data": packed(counts)}
    connection.execute(sa.insert(block_histogram).values(row))


def unseal(connection: sa.Connection, entry: Entry, index: SegmentIndex | None, k: int) -> None:
    """Throw away the segments from k on and move the watermark back: their rows are read from the log again."""
    place = 0 if index is None else int(np.searchsorted(index.k, k))
    for table in (segment, segment_values, dirty):
        connection.execute(sa.delete(table).where(table.c.model_id == entry.id, table.c.k >= k))
    ids = sa.select(reference.c.id).where(reference.c.model_id == entry.id)
    h, b = segment_histogram.c, block_histogram.c
    connection.execute(sa.delete(segment_histogram).where(h.reference_id.in_(ids), h.k >= k))
    connection.execute(sa.delete(block_histogram).where(b.reference_id.in_(ids), b.block >= k // BLOCK_SEGMENTS))
    r = reference.c
    counted = k if place else 0  # without an older segment, the numbers begin anew
    connection.execute(
        sa.update(reference).where(r.model_id == entry.id, r.counted_to > counted).values(counted_to=counted)
    )
    m = model_table.c
    connection.execute(
        sa.update(model_table)
        .where(m.id == entry.id)
        .values(
            sealed_id=int(index.last_id[place - 1]) if place and index else None,
            n_sealed=int(index.stops[place - 1]) if place and index else 0,
            seal_revision=m.seal_revision + 1,
        )
    )

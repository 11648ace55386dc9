"""Recomputes from the row log whatever is derived from it and compares it with what is stored."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.data.windows import Column
from storage.database.schema import (
    block_histogram,
    dirty,
    reference,
    reference_values,
    segment,
    segment_histogram,
    segment_values,
)
from storage.log import PredictionLog
from storage.models.catalogue import Catalogue
from storage.segments.format import TIMES, SegmentCache, decode, missing_values, sealed_columns
from storage.segments.grids import BLOCK_SEGMENTS, Grid, GridCache, added, edges_of, read_cumulated, unpacked
from storage.segments.shelf import Shelf
from storage.segments.view import TailCache, View, log_rows_of

_NO_COUNTS = np.zeros(0, np.int64)
_UNREADABLE = (ValueError, TypeError, zlib.error)
Progress = Callable[[int, int | None], None]


def verify(log: PredictionLog, model: str, progress: Progress = lambda n_done, n_all: None) -> tuple[str, ...]:
    """Compare a model's segments and counts with its log; return what differs, in a sentence each.

    Each segment is read in a short transaction of its own, so that writers and sealers go on.
    """
    # Nothing remembered: what is stored is to be read.
    fresh = Shelf(log.engine, Catalogue(), SegmentCache(), TailCache(), GridCache())
    with fresh.open(model) as view:
        found = [*_totals(view), *_leftovers(view), *_borders(view)]
        numbers = view.index.k.tolist()
    for n_done, k in enumerate(numbers, start=1):
        with fresh.open(model) as view:
            place = int(np.searchsorted(view.index.k, k))
            # Retention may have let it go meanwhile.
            if place < len(view.index) and view.index.k[place] == k:
                grids = fresh.grids.grids(view.connection, view.entry, view.layout)
                found += [f"segment {k}, {fault}" for fault in _Segment(view, place, grids).faults()]
        progress(n_done, len(numbers))
    return tuple(f"model {model!r}: {fault}" for fault in found)


def _totals(view: View) -> Iterator[str]:
    entry, index = view.entry, view.index
    n_rows = view.connection.execute(sa.select(sa.func.count()).select_from(view.layout.table)).scalar_one()
    if n_rows != entry.n_rows:
        yield f"the log holds {n_rows:,} rows, but {entry.n_rows:,} are noted."
    if index.n_rows != entry.n_sealed:
        yield f"the segments hold {index.n_rows:,} rows, but {entry.n_sealed:,} are noted as sealed."
    if (int(index.last_id[-1]) if len(index) else None) != entry.sealed_id:
        yield "the last segment does not end at the watermark."
    if (np.diff(index.last_id) <= 0).any():
        yield "the segments are not in the order of their rows."


def _leftovers(view: View) -> Iterator[str]:
    """Find derived rows that belong to nothing."""
    entry = view.entry
    known = sa.select(segment.c.k).where(segment.c.model_id == entry.id)
    for table in (segment_values, dirty):
        of_none = sa.select(sa.func.count()).where(table.c.model_id == entry.id, table.c.k.not_in(known))
        if n := view.connection.execute(of_none).scalar_one():
            yield f"{n:,} rows of {table.name} belong to no segment."
    for grid in GridCache().grids(view.connection, entry, view.layout):
        for table, number, stop in (
            (segment_histogram, segment_histogram.c.k, grid.counted_to),
            (block_histogram, block_histogram.c.block, grid.counted_to // BLOCK_SEGMENTS),
        ):
            beyond = sa.select(sa.func.count()).where(table.c.reference_id == grid.reference_id, number >= stop)
            if n := view.connection.execute(beyond).scalar_one():
                yield f"{n:,} rows of {table.name} are beyond what was counted for reference {grid.reference_id}."


def _borders(view: View) -> Iterator[str]:
    """Compare the stored borders of each reference's cells with those that its values lead to."""
    c, r = reference_values.c, reference.c
    query = (
        sa.select(r.name, c.column_name, c.dtype, c.data, c.edges)
        .join_from(reference, reference_values, r.id == c.reference_id)
        .where(r.model_id == view.entry.id, c.edges.is_not(None))
        .order_by(r.id, c.column_name)
    )
    for row in view.connection.execute(query, execution_options={"drift_binary": True}):
        if edges_of(np.frombuffer(row.data, row.dtype)).astype("<f8").tobytes() != row.edges:
            yield f"reference {row.name!r}, column {row.column_name!r}: the cells are not those of its values."


class _Segment:
    """One segment beside the rows of the log that it stands for."""

    def __init__(self, view: View, place: int, grids: list[Grid]) -> None:
        self.view, self.place, self.grids = view, place, grids
        self.k = int(view.index.k[place])
        self.columns = sealed_columns(view.layout)

    def faults(self) -> Iterator[str]:
        rows = log_rows_of(self.view, self.place, self.columns.values())
        index = self.view.index
        n = int(index.n[self.place])
        if n != len(rows):
            yield f"number of rows: {n:,} are noted, the log holds {len(rows):,}."
        span = (int(rows.at.min()), int(rows.at.max())) if len(rows) else (0, 0)
        if span != (int(index.start_at[self.place]), int(index.end_at[self.place])):
            yield "times of the first and last row: they are not those of the log."
        stored, unreadable = self._stored()
        yield from unreadable
        # A segment that waits to be repaired may hold other values: nobody reads them.
        if not self.view.is_dirty(self.place):
            expected = {TIMES: rows.at} | {p: rows.columns[column.name] for p, column in self.columns.items()}
            for position, values in stored.items():
                if not _same(values, expected[position]):
                    yield f"{self._name(position)}: the stored values are not those of the log."
        for grid in self.grids:
            if grid.counted_to > self.k:
                yield from self._counting_faults(grid, stored)

    def _stored(self) -> tuple[dict[int, np.ndarray], list[str]]:
        """Return the stored values by position, and what is wrong with those that cannot be read."""
        c = segment_values.c
        query = sa.select(c.position, c.dtype, c.data).where(c.model_id == self.view.entry.id, c.k == self.k)
        rows = self.view.connection.execute(query.order_by(c.position), execution_options={"drift_binary": True})
        found, faults = {}, []
        for position, dtype, data in rows:
            try:
                found[position] = decode(dtype, data)
            except _UNREADABLE:
                faults.append(f"{self._name(position)}: the stored values cannot be read.")
        sizes = [values.size for values in found.values()]
        n = sizes[0] if sizes else 0
        broken = {fault.partition(":")[0] for fault in faults}
        for position, column in self.columns.items():
            if position not in found and self._name(position) not in broken:  # registered after the segment was sealed
                found[position] = missing_values(column, n)
        return found, faults

    def _counting_faults(self, grid: Grid, stored: dict[int, np.ndarray]) -> Iterator[str]:
        connection, of = self.view.connection, f"reference {grid.reference_id}"
        is_first = self.k % BLOCK_SEGMENTS == 0 or self.place == 0
        try:
            now = read_cumulated(connection, grid, self.k)
            before = {} if is_first else read_cumulated(connection, grid, self.k - 1)
            block = self._block_total(grid) if self.k % BLOCK_SEGMENTS == BLOCK_SEGMENTS - 1 else None
        except ValueError:
            yield f"counts: those for {of} cannot be read."
            return
        for position in grid.edges:
            if position not in stored:
                continue
            total = now.get(position, _NO_COUNTS)
            counted = added(total, -before.get(position, _NO_COUNTS))
            if added(counted, -grid.counts(position, stored[position])).any():
                yield f"{self._name(position)}: the counts for {of} are not those of its values."
            if block is not None and added(total, -block.get(position, _NO_COUNTS)).any():
                yield f"{self._name(position)}: the total of its block for {of} is another one."

    def _block_total(self, grid: Grid) -> dict[int, np.ndarray]:
        c = block_histogram.c
        query = sa.select(c.position, c.data).where(
            c.reference_id == grid.reference_id, c.block == self.k // BLOCK_SEGMENTS
        )
        rows: Any = self.view.connection.execute(query.order_by(c.position), execution_options={"drift_binary": True})
        return {position: unpacked(data) for position, data in rows}

    def _name(self, position: int) -> str:
        column: Column | None = self.columns.get(position)
        return f"column {column.name!r}" if column else "times" if position == TIMES else f"column {position}"


def _same(stored: np.ndarray, expected: np.ndarray) -> bool:
    return np.array_equal(stored.astype(expected.dtype), expected, equal_nan=expected.dtype.kind == "f")

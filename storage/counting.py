"""Counts windows on the cells of a reference: each is a difference of cumulated counts, however long it is."""

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.grid import ColumnCounts
from drift.windows import Column
from storage.grids import BLOCK_SEGMENTS, Grid
from storage.inserting import chunks
from storage.schema import block_histogram, segment_histogram
from storage.sealed_reading import View, log_rows_of, read_columns
from storage.segments import SEGMENT_ROWS, missing_values, read_blobs, sealed_columns

# Rows whose values are read at once, where segments have not been counted yet.
_ROWS_AT_ONCE = 32 * SEGMENT_ROWS


def count_spans(
    view: View,
    grid: Grid,
    spans: Sequence[tuple[int, int]],
    columns: Sequence[Column],
    categories: Mapping[str, tuple[str, ...]],
) -> dict[str, ColumnCounts]:
    """Count the rows of many spans of positions in the cells of a grid, column by column."""
    wanted = {column.name for column in columns}
    positions = {position: c for position, c in sealed_columns(view.layout).items() if c.name in wanted}
    edges = np.unique(np.array(spans, np.int64))
    first, last = np.searchsorted(edges, np.array(spans, np.int64)).T
    sizes = edges[last] - edges[first]
    side_by_side = np.array_equal(first, np.arange(edges.size - 1)) and np.array_equal(last, first + 1)
    before = _Before(view, grid, positions, edges, categories).counts()
    found = {}
    for position, column in positions.items():
        # Windows side by side, as in a timeline, are the differences of neighbours.
        counts = np.diff(before[position], axis=0) if side_by_side else before[position][last] - before[position][first]
        borders = grid.edges[position]
        found[column.name] = ColumnCounts(
            counts, sizes - counts.sum(axis=1), borders, categories.get(column.name, ()) if borders is None else ()
        )
    return found


class _Before:
    """How many rows before each of some ascending positions fall in each cell: one row of counts per position."""

    def __init__(
        self,
        view: View,
        grid: Grid,
        columns: Mapping[int, Column],
        edges: np.ndarray,
        categories: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.view, self.grid, self.columns, self.edges = view, grid, columns, edges
        self.widths = {
            position: len(categories.get(column.name, ()))
            if (borders := grid.edges[position]) is None
            else borders.size + 1
            for position, column in columns.items()
        }
        index = view.index
        # The whole segments before each edge; those that the reference has been counted on so far are the first ones.
        self.places = np.searchsorted(index.stops, np.minimum(edges, index.n_rows), side="right")
        self.n_counted = min(max(grid.counted_to - int(index.k[0]), 0), len(index)) if len(index) else 0

    def counts(self) -> dict[int, np.ndarray]:
        """Return by position of a column an int array of shape (n_edges, n_cells)."""
        places = np.minimum(self.places, self.n_counted)
        # A board asks for the same windows again and again.
        key = (self.grid.reference_id, tuple(self.widths.items()), places.tobytes())
        read = self.view.remembered.read
        stored = read(self.view.entry, [key], lambda: {key: self._stored(places)}, _n_bytes)[key]
        total = {position: counts.copy() for position, counts in stored.items()}
        self._add_late_rows(total)
        self._add_values(total)
        return total

    def _stored(self, places: np.ndarray) -> dict[int, np.ndarray]:
        # Half as wide is twice as fast, where no count can be too large for it.
        dtype = np.int32 if self.view.n_rows < 2**31 else np.int64
        total = {position: np.zeros((places.size, width), dtype) for position, width in self.widths.items()}
        if not len(self.view.index):
            return total
        zero = int(self.view.index.k[0])
        ks = places + zero
        # Segment k - 1 holds what lies before k in its block; at the front of a block nothing does.
        wanted = np.unique(ks[(ks % BLOCK_SEGMENTS > 0) & (places > 0)]) - 1
        rows_of = {k: np.flatnonzero(ks == k + 1) for k in wanted.tolist()}
        for part in chunks(wanted.tolist()):
            for position, found in self._read(segment_histogram, segment_histogram.c.k, part):
                at = np.concatenate([rows_of[k] for k, _ in found])
                again = [rows_of[k].size for k, _ in found]
                counts = _unpacked([data for _, data in found], self.widths[position])
                total[position][at] = counts if at.size == len(found) else np.repeat(counts, again, axis=0)
        blocks = list(range(zero // BLOCK_SEGMENTS, int(ks.max()) // BLOCK_SEGMENTS))
        for part in chunks(blocks):
            for position, found in self._read(block_histogram, block_histogram.c.block, part):
                counts = _unpacked([data for _, data in found], self.widths[position])
                for (block, _), row in zip(found, counts, strict=True):
                    total[position][ks // BLOCK_SEGMENTS > block] += row
        return total

    def _read(
        self, table: sa.Table, number: sa.Column[Any], wanted: Sequence[int]
    ) -> list[tuple[int, list[tuple[int, bytes]]]]:
        """Return stored counts by column, each with its number."""
        query = sa.select(table.c.position, number, table.c.data).where(
            table.c.reference_id == self.grid.reference_id, table.c.position.in_(list(self.columns)), number.in_(wanted)
        )
        query = query.order_by(table.c.position, number)
        rows = self.view.connection.execute(query, execution_options={"drift_binary": True}).all()
        return [(position, [(row[1], row[2]) for row in group]) for position, group in groupby(rows, itemgetter(0))]

    def _add_late_rows(self, total: Mapping[int, np.ndarray]) -> None:
        """Count what late rows have added to segments since these were counted."""
        view = self.view
        for place in range(int(min(self.n_counted, self.places.max(initial=0)))) if view.dirty else ():
            if not view.is_dirty(place):
                continue
            k = int(view.index.k[place])
            now = log_rows_of(view, place, self.columns.values()).columns
            then = read_blobs(view.connection, view.entry, list(self.columns), k, k)
            for position, column in self.columns.items():
                old = then.get((position, k), missing_values(column, 0))
                change = self._counted(position, now[column.name]) - self._counted(position, old)
                total[position][self.places > place] += change

    def _add_values(self, total: Mapping[int, np.ndarray]) -> None:
        """Count the rows beside whole counted segments one by one: between the front of a segment and an edge."""
        view = self.view
        fronts = np.array([view.stop_before(place) for place in np.minimum(self.places, self.n_counted).tolist()])
        uncounted_from = view.stop_before(self.n_counted)
        inside = np.flatnonzero((self.edges > fronts) & (fronts < uncounted_from))
        for row in inside.tolist():
            self._add_span(total, int(fronts[row]), int(self.edges[row]), slice(row, row + 1))
        # Beyond the counted segments, what lies before one edge lies before all later ones.
        beyond = np.flatnonzero(self.edges > uncounted_from) if self.edges.size else np.empty(0, np.int64)
        starts = [uncounted_from, *self.edges[beyond].tolist()]
        for row, (start, stop) in zip(beyond.tolist(), pairwise(starts), strict=True):
            self._add_span(total, start, stop, slice(row, None))

    def _add_span(self, total: Mapping[int, np.ndarray], start: int, stop: int, rows: slice) -> None:
        for first in range(start, stop, _ROWS_AT_ONCE):
            values = read_columns(self.view, first, min(first + _ROWS_AT_ONCE, stop), list(self.columns.values()))
            for position, column in self.columns.items():
                total[position][rows] += self._counted(position, values[column.name])

    def _counted(self, position: int, values: np.ndarray) -> np.ndarray:
        counts = self.grid.counts(position, values)
        return np.pad(counts, (0, self.widths[position] - counts.size))


def _n_bytes(counts: Mapping[int, np.ndarray]) -> int:
    return sum(part.nbytes for part in counts.values())


def _unpacked(stored: Sequence[bytes], width: int) -> np.ndarray:
    """Return stored counts as an int array of shape (n, width); cells that came later are zero."""
    if len({len(data) for data in stored}) == 1:
        counts = np.frombuffer(b"".join(stored), "<u4").reshape(len(stored), -1)
        return np.pad(counts, ((0, 0), (0, width - counts.shape[1]))) if counts.shape[1] < width else counts
    counts = np.zeros((len(stored), width), np.uint32)
    for row, data in zip(counts, stored, strict=True):
        row[: len(data) // 4] = np.frombuffer(data, "<u4")
    return counts

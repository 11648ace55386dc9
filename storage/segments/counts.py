"""Counts windows on the cells of a reference: each is a difference of cumulated counts, however long it is."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.data.windows import Column
from drift.statistics.grid import ColumnCounts
from storage.database.driver import chunks
from storage.database.schema import block_histogram, segment_histogram
from storage.segments.format import SEGMENT_ROWS, missing_values, read_blobs, sealed_columns
from storage.segments.grids import BLOCK_SEGMENTS, Grid
from storage.segments.view import View, log_rows_of, read_columns

# Rows whose values are read at once, where segments have not been counted yet.
_ROWS_AT_ONCE = 32 * SEGMENT_ROWS


def count_spans(
    view: View,
    grid: Grid,
    spans: Sequence[tuple[int, int]],
    columns: Sequence[Column],
    categories: Mapping[str, tuple[str, ...]],
) -> dict[str, ColumnCounts]:
    """Count the rows of many spans of positions in the cells of a grid, column by column.

    Parameters
    ----------
    spans : first and last position of each span, `first <= position < last`
    categories : names of the codes, by column

    Returns
    -------
    dict of ColumnCounts by column name, those that segments hold
        Counts of shape (len(spans), n_cells), and the rows without a value, shape (len(spans),).
    """
    wanted = {column.name for column in columns}
    positions = {position: c for position, c in sealed_columns(view.layout).items() if c.name in wanted}
    edges = np.unique(np.array(spans, np.int64))
    first, last = np.searchsorted(edges, np.array(spans, np.int64)).T
    sizes = edges[last] - edges[first]
    side_by_side = np.array_equal(first, np.arange(edges.size - 1)) and np.array_equal(last, first + 1)
    before = _Before(view, grid, positions, edges, categories)
    stored, changes = before.stored(), list(before.changes())
    found = {}
    for position, column in positions.items():
        # Windows side by side, as in a timeline, are the differences of neighbours.
        up_to = np.diff(stored[position], axis=0) if side_by_side else stored[position][last] - stored[position][first]
        for is_before, change in changes:
            times = is_before[last].astype(up_to.dtype) - is_before[first]
            touched = np.flatnonzero(times)
            up_to[touched] += times[touched, None] * change[position]
        n_values = up_to[:, -1] if up_to.shape[1] else 0
        borders = grid.edges[position]
        found[column.name] = ColumnCounts(
            up_to, sizes - n_values, borders, categories.get(column.name, ()) if borders is None else ()
        )
    return found


# Rows that lie before some of the edges, and by position of a column how many of them are up to each cell.
Change = tuple[np.ndarray, Mapping[int, np.ndarray]]


class _Before:
    """How many rows before each of some ascending positions fall in each cell or one before it, a row per position."""

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

    def stored(self) -> Mapping[int, np.ndarray]:
        """Return what is stored by position of a column: int arrays of shape (n_edges, n_cells)."""
        places = np.minimum(self.places, self.n_counted)
        # A board asks for the same windows again and again.
        key = (self.grid.reference_id, tuple(self.widths.items()), places.tobytes())
        read = self.view.remembered.read
        return read(self.view.entry, [key], lambda: {key: self._stored(places)}, _n_bytes)[key]

    def changes(self) -> Iterator[Change]:
        """Yield the rows that are not among the stored counts, each once for the edges that they lie before."""
        yield from self._late_rows()
        yield from self._values()

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
        return {position: np.cumsum(counts, axis=1, dtype=dtype) for position, counts in total.items()}

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

    def _late_rows(self) -> Iterator[Change]:
        """Count what late rows have added to segments since these were counted."""
        view = self.view
        for place in range(int(min(self.n_counted, self.places.max(initial=0)))) if view.dirty else ():
            if not view.is_dirty(place):
                continue
            k = int(view.index.k[place])
            now = log_rows_of(view, place, self.columns.values()).columns
            then = read_blobs(view.connection, view.entry, list(self.columns), k, k)
            change = {}
            for position, column in self.columns.items():
                old = then.get((position, k), missing_values(column, 0))
                change[position] = self._counted(position, now[column.name]) - self._counted(position, old)
            yield self.places > place, change

    def _values(self) -> Iterator[Change]:
        """Count the rows beside whole counted segments one by one: between the front of a segment and an edge."""
        view = self.view
        fronts = np.array([view.stop_before(place) for place in np.minimum(self.places, self.n_counted).tolist()])
        uncounted_from = view.stop_before(self.n_counted)
        every = np.arange(self.edges.size)
        inside = np.flatnonzero((self.edges > fronts) & (fronts < uncounted_from))
        for row in inside.tolist():
            yield every == row, self._span(int(fronts[row]), int(self.edges[row]))
        # Beyond the counted segments, what lies before one edge lies before all later ones.
        beyond = np.flatnonzero(self.edges > uncounted_from) if self.edges.size else np.empty(0, np.int64)
        starts = [uncounted_from, *self.edges[beyond].tolist()]
        for row, (start, stop) in zip(beyond.tolist(), pairwise(starts), strict=True):
            yield every >= row, self._span(start, stop)

    def _span(self, start: int, stop: int) -> dict[int, np.ndarray]:
        total = {position: np.zeros(width, np.int64) for position, width in self.widths.items()}
        for first in range(start, stop, _ROWS_AT_ONCE):
            values = read_columns(self.view, first, min(first + _ROWS_AT_ONCE, stop), list(self.columns.values()))
            for position, column in self.columns.items():
                total[position] += self._counted(position, values[column.name])
        return total

    def _counted(self, position: int, values: np.ndarray) -> np.ndarray:
        return up_to_each(self.grid.counts(position, values), self.widths[position])


def up_to_each(counts: np.ndarray, n_cells: int) -> np.ndarray:
    """Return the rows in each cell or one before it; the last cells may be missing.

    Parameters
    ----------
    counts : int array, shape (k,), k <= n_cells

    Returns
    -------
    int array, shape (n_cells,)
        Never falls.

    Examples
    --------
    >>> up_to_each(np.array([2, 1]), 4)
    array([2, 3, 3, 3])
    """
    return np.cumsum(np.pad(counts, (0, n_cells - counts.size)))


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

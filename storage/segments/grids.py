"""Counts of segments on the cells of each reference: any window is the difference of two of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from drift.data.samples import NumericReference, NumericSample
from drift.statistics.grid import Edges, cell_counts, grid_edges
from storage.database.schema import block_histogram, reference, reference_values, segment_histogram
from storage.models.catalogue import Entry
from storage.models.layout import Layout
from storage.segments.format import sealed_columns

BLOCK_SEGMENTS = 256
# In place of a reference's id: nothing is stored.
NO_REFERENCE = 0
_NOTHING = NumericReference.from_sample(NumericSample(np.empty(0)))


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of one reference.

    Attributes
    ----------
    reference_id : `NO_REFERENCE` where nothing is stored
    counted_to : segments below this number have been counted
    edges : borders by position of a column, float64 arrays of shape (n_cells - 1,)
        None for a categorical column, whose cells are its codes.
    """

    reference_id: int
    counted_to: int
    edges: Mapping[int, np.ndarray | None]

    def counts(self, position: int, values: np.ndarray) -> np.ndarray:
        """Count values of a column in its cells; missing ones are in none.

        Parameters
        ----------
        values : float64 array or int codes, shape (n,)

        Returns
        -------
        int array, shape (n_cells,)
            As long as the largest code asks for, where the cells are codes.
        """
        return count_values(values, self.edges[position])

    def has(self, position: int, cells: Edges) -> bool:
        """Return whether a column is counted in just these cells."""
        if position not in self.edges:
            return False
        edges = self.edges[position]
        return edges is cells or (edges is not None and cells is not None and np.array_equal(edges, cells))


def grids_with(grids: Iterable[Grid], cells: Mapping[int, Edges]) -> Iterator[tuple[Grid, list[int]]]:
    """Yield grids that have the asked cells, each with the positions to count on it.

    Those come first that have most, and of these the one counted furthest. What none has goes to a grid on which
    nothing has been counted yet: its counts are read from the rows.
    """
    held = [(grid, {position for position, edges in cells.items() if grid.has(position, edges)}) for grid in grids]
    held.sort(key=lambda pair: (len(pair[1]), pair[0].counted_to), reverse=True)
    left = set(cells)
    for grid, positions in held:
        if positions & left:
            yield grid, sorted(positions & left)
            left -= positions
    if left:
        yield Grid(NO_REFERENCE, 0, {position: cells[position] for position in left}), sorted(left)


def count_values(values: np.ndarray, edges: np.ndarray | None) -> np.ndarray:
    """Count numbers in the cells between edges, or codes by themselves.

    Parameters
    ----------
    values : numbers (NaN is in no cell) or codes (neither is -1), shape (n,), in any order
    edges : float64 array, shape (n_cells - 1,), ascending; None for codes

    Returns
    -------
    int array, shape (n_cells,)
        For codes, (largest code + 1,).

    Examples
    --------
    >>> count_values(np.array([2, -1, 0, 2]), None)
    array([1, 0, 2])
    """
    if edges is None:
        return np.bincount(values.astype(np.int64) + 1, minlength=1)[1:]
    return cell_counts(np.sort(values.astype(np.float64)), edges)


class GridCache:
    """The cells of references, which never change once they are frozen."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Mapping[int, np.ndarray | None]] = {}

    def forget(self) -> None:
        """Read all borders anew: they have been written again."""
        self._known.clear()

    def grids(self, connection: sa.Connection, entry: Entry, layout: Layout) -> list[Grid]:
        """Return the grid of every reference of a model, the oldest first."""
        c = reference.c
        rows = connection.execute(sa.select(c.id, c.counted_to).where(c.model_id == entry.id).order_by(c.id)).all()
        grids = []
        for reference_id, counted_to in rows:
            key = (reference_id, len(layout.columns))
            if key not in self._known:
                self._known[key] = _read_edges(connection, reference_id, layout)
            grids.append(Grid(reference_id, counted_to, self._known[key]))
        return grids


def _read_edges(connection: sa.Connection, reference_id: int, layout: Layout) -> dict[int, np.ndarray | None]:
    c = reference_values.c
    query = sa.select(c.column_name, c.edges).where(c.reference_id == reference_id).order_by(c.column_name)
    rows = connection.execute(query, execution_options={"drift_binary": True})
    stored = {row.column_name: row.edges for row in rows}
    found: dict[int, np.ndarray | None] = {}
    for position, column in sealed_columns(layout).items():
        if column.kind == "categorical":
            found[position] = None
        elif column.name not in stored:  # registered after the reference was frozen
            found[position] = grid_edges(_NOTHING)
        elif stored[column.name] is None:  # frozen by the first release
            query = sa.select(c.data).where(c.reference_id == reference_id, c.column_name == column.name)
            values = np.frombuffer(connection.execute(query).scalar_one(), "<f8")
            found[position] = edges_of(values)
        else:
            found[position] = np.frombuffer(stored[column.name], "<f8")
    return found


def restore_edges(connection: sa.Connection, entry: Entry, layout: Layout) -> None:
    """Write the borders of every reference's cells anew from its values."""
    c = reference_values.c
    kinds = {column.name: column.kind for column in layout.columns}
    for reference_id in (
        connection.execute(sa.select(reference.c.id).where(reference.c.model_id == entry.id)).scalars().all()
    ):
        query = sa.select(c.column_name, c.data).where(c.reference_id == reference_id).order_by(c.column_name)
        for name, data in connection.execute(query).all():
            if kinds.get(name) == "numeric":
                edges = edges_of(np.frombuffer(data, "<f8")).tobytes()
                where = (c.reference_id == reference_id, c.column_name == name)
                connection.execute(sa.update(reference_values).where(*where).values(edges=edges))


def edges_of(values: np.ndarray) -> np.ndarray:
    """Return the borders of the cells over a reference's numbers.

    Parameters
    ----------
    values : float64 array, shape (n,); NaN counts for nothing

    Returns
    -------
    float64 array, shape (n_cells - 1,), ascending
        As `drift.statistics.grid.grid_edges` lays them.
    """
    return grid_edges(NumericReference.from_sample(NumericSample(values)))


def added(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Add counts of which one may know more categories than the other.

    Parameters
    ----------
    a, b : int arrays, shapes (n_a,) and (n_b,)

    Returns
    -------
    int64 array, shape (max(n_a, n_b),)

    Examples
    --------
    >>> added(np.array([1, 2]), np.array([1, 0, 5]))
    array([2, 2, 5])
    """
    total = np.zeros(max(a.size, b.size), np.int64)
    total[: a.size] += a
    total[: b.size] += b
    return total


class Running:
    """Counts that grow segment by segment: those of the block so far, written beside each segment."""

    def __init__(self, connection: sa.Connection, grid: Grid, k: int) -> None:
        self.grid = grid
        self._connection = connection
        self._so_far = {position: np.zeros(0, np.int64) for position in grid.edges}
        if k % BLOCK_SEGMENTS:
            self._so_far |= read_cumulated(connection, grid, k - 1)

    def add(self, k: int, counts: Mapping[int, np.ndarray]) -> None:
        """Write the counts of segment k, the next one, by position; after the last of its block, their total too.

        Parameters
        ----------
        counts : int arrays of shape (n_cells,), by position of a column
        """
        for position, found in counts.items():
            self._so_far[position] = added(self._so_far[position], found)
        rows = [
            {"reference_id": self.grid.reference_id, "position": position, "data": packed(total)}
            for position, total in self._so_far.items()
            if total.any()
        ]
        if rows:
            self._connection.execute(sa.insert(segment_histogram), [row | {"k": k} for row in rows])
        if k % BLOCK_SEGMENTS == BLOCK_SEGMENTS - 1:
            if rows:
                block = k // BLOCK_SEGMENTS
                self._connection.execute(sa.insert(block_histogram), [row | {"block": block} for row in rows])
            self._so_far = dict.fromkeys(self._so_far, np.zeros(0, np.int64))


def packed(counts: np.ndarray) -> bytes:
    """Return counts as they are stored.

    Parameters
    ----------
    counts : int array, shape (n_cells,), from 0 to 2**32 - 1

    Returns
    -------
    bytes
        uint32, little-endian: four a cell.
    """
    return counts.astype("<u4").tobytes()


def unpacked(data: bytes) -> np.ndarray:
    """Return stored counts.

    Returns
    -------
    int64 array, shape (n_cells,)
    """
    return np.frombuffer(data, "<u4").astype(np.int64)


def read_cumulated(connection: sa.Connection, grid: Grid, k: int) -> dict[int, np.ndarray]:
    """Return the counts of segment k and those before it in its block, by position of a column.

    Returns
    -------
    dict of int64 arrays, shapes (n_cells,)
        Without the columns of which nothing has been counted there: all of their cells hold none.
    """
    c = segment_histogram.c
    query = sa.select(c.position, c.data).where(
        c.reference_id == grid.reference_id, c.position.in_(list(grid.edges)), c.k == k
    )
    rows = connection.execute(query.order_by(c.position), execution_options={"drift_binary": True})
    return {position: unpacked(data) for position, data in rows}


def set_counted(connection: sa.Connection, reference_ids: Iterable[int], k: int) -> None:
    """Note that the segments below k have been counted for these references."""
    ids = list(reference_ids)
    if ids:
        connection.execute(sa.update(reference).where(reference.c.id.in_(ids)).values(counted_to=k))

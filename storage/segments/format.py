"""Sealed segments: a model's rows column by column, 8,192 at a time, as a reader of many rows wants them.

Segment k holds the rows whose ids lie above the last id of segment k - 1 and up to its own, in the order of their
ids. The row log stays the truth: whatever is here can be built from it again.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.data.windows import Column
from storage.database.schema import dirty, segment, segment_values
from storage.models.catalogue import Entry
from storage.models.layout import Layout

SEGMENT_ROWS = 8_192
# Stands for the times of the rows where a column has its position.
TIMES = -1
_DELTAS = "dz"
# Number types that a segment's values are kept in if that loses nothing, the smallest first.
_SMALLER = ("<i1", "<i2", "<f4")
_SMALLER_CODES = ("<i1", "<i2", "<i4")


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows of a log.

    Attributes
    ----------
    ids : int64 array, shape (n,), ascending
    at : int64 array, shape (n,)
        Microseconds since 1970.
    columns : arrays of shape (n,) by column name
        float64 with NaN for missing, or int32 codes with -1.
    """

    ids: np.ndarray
    at: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return self.ids.size

    def part(self, start: int, stop: int) -> "Rows":
        """Return the rows from one position to another."""
        columns = {name: values[start:stop] for name, values in self.columns.items()}
        return Rows(self.ids[start:stop], self.at[start:stop], columns)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Rows(np.concatenate([part.ids for part in parts]), np.concatenate([part.at for part in parts]), columns)


def sealed_columns(layout: Layout) -> dict[int, Column]:
    """Return the columns that segments hold, by position: all but the label, which comes late."""
    return {position: column for position, column in enumerate(layout.columns) if column.role != "label"}


def read_log_rows(
    connection: sa.Connection,
    layout: Layout,
    columns: Iterable[Column],
    above: int | None,
    up_to: int | None = None,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> Rows:
    """Read rows of the log as arrays, in the order of their ids: those with ``above < id <= up_to``."""
    table = layout.table
    wanted = list(columns)
    query = sa.select(table.c.id, table.c.predicted_at, *(table.c[column.name] for column in wanted))
    if above is not None:
        query = query.where(table.c.id > above)
    if up_to is not None:
        query = query.where(table.c.id <= up_to)
    query = query.order_by(table.c.id)
    if limit is not None or offset:
        query = query.limit(limit if limit is not None else 2**62).offset(offset)
    rows = connection.execute(query).all()
    ids, at, *stored = zip(*rows, strict=True) if rows else [()] * (len(wanted) + 2)
    arrays = {column.name: values_from(column, values) for column, values in zip(wanted, stored, strict=True)}
    return Rows(np.array(ids, np.int64), np.array(at, np.int64), arrays)


def values_from(column: Column, stored: Sequence[Any]) -> np.ndarray:
    """Return a column of the log, None where missing, as float64 or as int32 codes.

    Parameters
    ----------
    stored : n numbers or codes, None where missing

    Returns
    -------
    array, shape (n,)
        float64 with NaN for missing, or int32 codes with -1.
    """
    values = np.array(stored, np.float64)
    return values if column.kind == "numeric" else np.nan_to_num(values, nan=-1.0).astype(np.int32)


def missing_values(column: Column, n: int) -> np.ndarray:
    """Return n values of a column that all are missing.

    Returns
    -------
    array, shape (n,)
        float64, all NaN, or int32, all -1.
    """
    return np.full(n, np.nan) if column.kind == "numeric" else np.full(n, -1, np.int32)


def encode(values: np.ndarray) -> tuple[str, bytes]:
    """Return the smallest type that keeps every value as it is, and the values in it.

    Parameters
    ----------
    values : float64 array or int32 codes, shape (n,)

    Returns
    -------
    dtype, data : the name of the type, little-endian, and n values of it as bytes

    Examples
    --------
    >>> encode(np.array([1.0, 2.0, 300.0])), encode(np.array([0, -1], np.int32))
    (('<i2', b'\\x01\\x00\\x02\\x00,\\x01'), ('<i1', b'\\x00\\xff'))
    """
    is_numeric = values.dtype == np.float64
    for dtype in _SMALLER if is_numeric else _SMALLER_CODES:
        with np.errstate(invalid="ignore", over="ignore"):
            smaller = values.astype(dtype)
            if np.array_equal(smaller.astype(values.dtype), values, equal_nan=is_numeric):
                return dtype, smaller.tobytes()
    return "<f8", values.astype("<f8").tobytes()


def encode_times(at: np.ndarray) -> tuple[str, bytes]:
    """Pack the times of a segment: differences, byte by byte, compressed.

    Parameters
    ----------
    at : int64 array, shape (n,)
        Microseconds since 1970, in any order.

    Returns
    -------
    dtype, data : a name that only `decode` knows, and the packed bytes
    """
    differences = np.diff(at, prepend=0).astype("<i8")
    return _DELTAS, zlib.compress(differences.view(np.uint8).reshape(-1, 8).T.tobytes(), 1)


def decode(dtype: str, data: bytes) -> np.ndarray:
    """Return what `encode` or `encode_times` was given, in whatever type it is kept in.

    Returns
    -------
    array, shape (n,)
        int64 for times, else the small type; whoever computes with it widens it first.
    """
    if dtype == _DELTAS:
        packed = np.frombuffer(zlib.decompress(data), np.uint8)
        return np.cumsum(packed.reshape(8, -1).T.copy().view("<i8").ravel())
    return np.frombuffer(data, dtype)


@dataclass(frozen=True, eq=False)
class SegmentIndex:
    """Where each segment of a model lies: one entry per segment, the oldest first.

    Attributes
    ----------
    revision : grows when a segment that exists changes
    k : int64 array, shape (n_segments,)
        The number of each segment, ascending; the first is above 0 once retention has let segments go.
    n : int64 array, shape (n_segments,)
        Rows; 0 where all have been erased.
    last_id : int64 array, shape (n_segments,)
        The largest id that belongs into each.
    start_at, end_at : int64 arrays, shape (n_segments,)
        Of the first and the last row, in microseconds since 1970.
    """

    revision: int
    k: np.ndarray
    n: np.ndarray
    last_id: np.ndarray
    start_at: np.ndarray
    end_at: np.ndarray

    def __len__(self) -> int:
        return self.k.size

    @cached_property
    def stops(self) -> np.ndarray:
        """How many rows lie in each segment and those before it, int array of shape (n_segments,)."""
        return np.cumsum(self.n)

    @property
    def n_rows(self) -> int:
        """How many rows all segments hold."""
        return int(self.stops[-1]) if len(self) else 0

    def above(self, at: int) -> int | None:
        """Return the id above which the rows of the segment at a position of this index begin."""
        return int(self.last_id[at - 1]) if at else None

    def place(self, position: int) -> tuple[int, int]:
        """Return the segment that holds a row position, as a position of this index, and the rows before it there."""
        at = int(np.searchsorted(self.stops, position, side="right"))
        return at, position - (int(self.stops[at - 1]) if at else 0)


class SegmentCache:
    """Segment indexes, read anew only where a segment that was known has changed."""

    def __init__(self) -> None:
        self._known: dict[int, SegmentIndex] = {}

    def index(self, connection: sa.Connection, entry: Entry) -> SegmentIndex:
        """Return the index of a model as this transaction sees it."""
        known = self._known.get(entry.id)
        if known is None or known.revision != entry.seal_revision or not _follows(known, entry):
            known = _EMPTY
        sealed_to = int(known.last_id[-1]) if len(known) else None
        if sealed_to != entry.sealed_id:
            known = _extended(connection, entry, known)
        elif known is _EMPTY:
            return _EMPTY
        self._known[entry.id] = known
        return known


def _follows(known: SegmentIndex, entry: Entry) -> bool:
    """Tell whether an index is of the same or an older state than the transaction's, which may lag behind another's."""
    return not len(known) or (entry.sealed_id is not None and int(known.last_id[-1]) <= entry.sealed_id)


def _extended(connection: sa.Connection, entry: Entry, known: SegmentIndex) -> SegmentIndex:
    c = segment.c
    newest = int(known.k[-1]) if len(known) else -1
    rows = connection.execute(
        sa.select(c.k, c.n, c.last_id, c.start_at, c.end_at).where(c.model_id == entry.id, c.k > newest).order_by(c.k)
    ).all()
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    found = [np.array([0 if v is None else v for v in column], np.int64) for column in columns]
    old = (known.k, known.n, known.last_id, known.start_at, known.end_at)
    return SegmentIndex(entry.seal_revision, *(np.concatenate(pair) for pair in zip(old, found, strict=True)))


_NONE = np.empty(0, np.int64)
_EMPTY = SegmentIndex(-1, _NONE, _NONE, _NONE, _NONE, _NONE)


def read_dirty(connection: sa.Connection, entry: Entry) -> set[int]:
    """Return the numbers of the segments that got a late row since they were sealed."""
    c = dirty.c
    return set(connection.execute(sa.select(c.k).where(c.model_id == entry.id).order_by(c.k)).scalars())


def read_blobs(
    connection: sa.Connection, entry: Entry, positions: Sequence[int], first: int, last: int
) -> dict[tuple[int, int], np.ndarray]:
    """Return the stored values of columns in segments `first` to `last`, by position and segment.

    Returns
    -------
    dict of arrays, each of the shape (rows of the segment,), in the small type that it is kept in
        Without those of segments that were sealed before a column was registered.
    """
    c = segment_values.c
    query = sa.select(c.position, c.k, c.dtype, c.data).where(
        c.model_id == entry.id, c.position.in_(positions), c.k >= first, c.k <= last
    )
    rows = connection.execute(query.order_by(c.position, c.k), execution_options={"drift_binary": True})
    return {(position, k): decode(dtype, data) for position, k, dtype, data in rows}


def runs_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of every unbroken run of ascending numbers.

    Examples
    --------
    >>> runs_of([3, 4, 5, 9])
    [(3, 5), (9, 9)]
    """
    breaks = [k for k, (a, b) in enumerate(pairwise(numbers), start=1) if b != a + 1]
    edges = [0, *breaks, len(numbers)]
    return [(numbers[a], numbers[b - 1]) for a, b in pairwise(edges) if a < b]

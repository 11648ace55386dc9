"""Reads windows from sealed segments and from the rows behind the watermark: every row once, the newest included."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import sqlalchemy as sa

from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent
from storage.database import ids
from storage.database.schema import instant_from, microseconds
from storage.models.catalogue import Entry
from storage.models.layout import Layout
from storage.segments.format import (
    SEGMENT_ROWS,
    TIMES,
    Rows,
    SegmentIndex,
    joined,
    missing_values,
    read_blobs,
    read_log_rows,
    runs_of,
    sealed_columns,
)
from storage.segments.memory import Remembered


class TailCache:
    """The rows behind the watermark of each model: at every look, only those that are new are read."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Entry, Rows]] = {}

    def remember(self, entry: Entry, rows: Rows) -> None:
        """Take in the rows behind the watermark that a committed transaction has left."""
        self._known[entry.id] = (entry, rows)

    def rows(self, connection: sa.Connection, entry: Entry, layout: Layout) -> Rows:
        """Return the rows behind the watermark as this transaction sees them, with every column that is sealed."""
        columns = sealed_columns(layout).values()
        then, known = self._known.get(entry.id, (entry, None))
        if known is not None:
            known = _grown(connection, layout, then, known, entry)
        if known is None:
            known = read_log_rows(connection, layout, columns, entry.sealed_id)
        self._known[entry.id] = (entry, known)
        return known


def _grown(connection: sa.Connection, layout: Layout, then: Entry, rows: Rows, now: Entry) -> Rows | None:
    """Return the rows of then and those that came since; None if others went, or came among them."""
    is_later = _lowest(then.sealed_id) <= _lowest(now.sealed_id)
    if not is_later or (then.seal_revision, then.n_columns) != (now.seal_revision, now.n_columns):
        return None
    rows = rows.part(int(np.searchsorted(rows.ids, _lowest(now.sealed_id), side="right")), len(rows))
    if len(rows) < now.n_unsealed:
        above = int(rows.ids[-1]) if len(rows) else now.sealed_id
        rows = joined([rows, read_log_rows(connection, layout, sealed_columns(layout).values(), above)])
    return rows if len(rows) == now.n_unsealed else None


def _lowest(sealed_id: int | None) -> int:
    return np.iinfo(np.int64).min if sealed_id is None else sealed_id


def _n_bytes(values: np.ndarray) -> int:
    return values.nbytes


@dataclass(frozen=True, eq=False)
class View:
    """A model's rows as one transaction sees them. A row's position counts the rows that are there, in id order.

    Attributes
    ----------
    _times : int64 arrays by place, shape (n of the segment,)
        Microseconds since 1970 of the rows of those segments that were asked for.
    """

    connection: sa.Connection
    entry: Entry
    layout: Layout
    index: SegmentIndex
    dirty: set[int]
    tails: TailCache
    remembered: Remembered
    _times: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows of the model, sealed or not."""
        return self.entry.n_rows

    def is_dirty(self, place: int) -> bool:
        """Tell whether the rows of a segment must be read from the log."""
        return bool(self.dirty) and int(self.index.k[place]) in self.dirty

    def times(self, place: int) -> np.ndarray:
        """Return the times of a segment's rows; of those behind the watermark for the place after the last.

        Returns
        -------
        int64 array, shape (rows of the segment,)
            Microseconds since 1970, in id order.
        """
        if place not in self._times:
            self._times[place] = self._read_times(place)
        return self._times[place]

    def _read_times(self, place: int) -> np.ndarray:
        if place == len(self.index):
            return self.tail.at
        if self.is_dirty(place):
            above, up_to = self.index.above(place), int(self.index.last_id[place])
            return read_log_rows(self.connection, self.layout, (), above, up_to).at
        k = int(self.index.k[place])
        return self.blobs([TIMES], k, k)[TIMES, k]

    def blobs(self, positions: Sequence[int], first: int, last: int) -> dict[tuple[int, int], np.ndarray]:
        """Return the stored values of columns in segments `first` to `last`, by position and segment.

        Returns
        -------
        dict of arrays, each of the shape (rows of the segment,), in the small type that it is kept in
            As `read_blobs` returns them; not to be written to, for others hold them too.
        """
        keys = [(position, k) for position in positions for k in range(first, last + 1)]
        read = partial(read_blobs, self.connection, self.entry, positions, first, last)
        return self.remembered.read(self.entry, keys, read, _n_bytes)

    @property
    def tail(self) -> Rows:
        """The rows behind the watermark."""
        return self.tails.rows(self.connection, self.entry, self.layout)

    def stop_before(self, place: int) -> int:
        """Return how many rows lie before a segment."""
        return int(self.index.stops[place - 1]) if place else 0


# With more rows than this behind the watermark, a log has yet to be sealed: it is read as if it had no segments.
MOST_UNSEALED = 16 * SEGMENT_ROWS


def span_of(view: View, window: Window) -> tuple[int, int] | None:
    """Return the positions that a window begins and ends at.

    None if its rows do not stand next to each other, or the log has not been sealed yet: they must be selected.
    """
    if view.entry.n_unsealed > MOST_UNSEALED:
        return None
    if isinstance(window, LastRows):
        return max(view.n_rows - window.n, 0), view.n_rows
    if isinstance(window, RowSpan):
        return min(window.first, view.n_rows), min(window.last, view.n_rows)
    first, last = (_rows_before(view, microseconds(edge)) for edge in (window.start, window.end))
    return None if first is None or last is None else (first, last)


def _rows_before(view: View, micros: int) -> int | None:
    """Return how many rows come before an instant, or None if a later row of its millisecond has a smaller id."""
    # Ids are ordered by the millisecond, and within one as the rows came.
    place = int(np.searchsorted(view.index.last_id, ids.first_id(micros), side="left"))
    at = view.times(place)
    before = view.stop_before(place)
    first, last = np.searchsorted(at // 1000, [micros // 1000, micros // 1000 + 1])
    if micros % 1000 == 0:
        return before + int(first)
    earlier = at[first:last] < micros
    n_earlier = int(earlier.sum())
    goes_on = last == at.size and place < len(view.index) and before + at.size < view.n_rows
    if goes_on or not earlier[:n_earlier].all():
        return None
    return before + int(first) + n_earlier


def extent_of(view: View, window: Window) -> WindowExtent | None:
    """Count the rows of a window and return the half-open time they span; None if they lie apart."""
    span = span_of(view, window)
    if span is None:
        return None
    first, last = span
    n = max(last - first, 0)
    if isinstance(window, TimeSpan):
        return WindowExtent(n, window.start, window.end)
    if n == 0:
        return WindowExtent(0, None, None)
    earliest, latest = _earliest_and_latest(view, first, last)
    return WindowExtent(n, instant_from(earliest), instant_from(latest + 1))


def _earliest_and_latest(view: View, first: int, last: int) -> tuple[int, int]:
    starts, ends = [], []
    (a, skipped), (b, kept) = view.index.place(first), view.index.place(last)
    if skipped:
        at = view.times(a)[skipped : kept if a == b else None]
        starts.append(at.min())
        ends.append(at.max())
        a += 1
    if kept and a <= b:
        at = view.times(b)[:kept]
        starts.append(at.min())
        ends.append(at.max())
    if (filled := view.index.n[a:b] > 0).any():
        starts.append(view.index.start_at[a:b][filled].min())
        ends.append(view.index.end_at[a:b][filled].max())
    return int(min(starts)), int(max(ends))


def read_columns(view: View, first: int, last: int, columns: Sequence[Column]) -> dict[str, np.ndarray]:
    """Return the values of the rows at positions ``first <= position < last``, as float64 or int32 codes.

    Returns
    -------
    dict of arrays by column name, each of shape (last - first,), at least (0,)
        float64 with NaN for missing, or int32 codes with -1.
    """
    size = max(last - first, 0)
    found = {column.name: missing_values(column, size) for column in columns}
    if size == 0 or not columns:
        return found
    n_sealed = view.index.n_rows
    if first < n_sealed:
        for place, start, values in _sealed_parts(view, first, min(last, n_sealed), columns):
            skip = max(first - start, 0)
            stop = min(last - start, int(view.index.n[place]))
            for name, part in values.items():
                found[name][start + skip - first : start + stop - first] = part[skip:stop]
    if last > n_sealed:
        tail = view.tail.part(max(first - n_sealed, 0), last - n_sealed)
        for name, into in found.items():
            into[size - len(tail) :] = tail.columns[name]
    return found


def _sealed_parts(
    view: View, first: int, last: int, columns: Sequence[Column]
) -> Iterable[tuple[int, int, Mapping[str, np.ndarray]]]:
    """Yield the segments that hold some of these positions: place, first position, values by column."""
    a, b = view.index.place(first)[0], view.index.place(last - 1)[0]
    names = {position: column.name for position, column in sealed_columns(view.layout).items()}
    wanted = {column.name for column in columns}
    positions = [position for position, name in names.items() if name in wanted]
    clean = [place for place in range(a, b + 1) if not view.is_dirty(place)]
    by_segment: dict[int, dict[str, np.ndarray]] = {}
    for run_first, run_last in runs_of(clean):
        k_first, k_last = int(view.index.k[run_first]), int(view.index.k[run_last])
        for (position, k), stored in view.blobs(positions, k_first, k_last).items():
            by_segment.setdefault(k, {})[names[position]] = stored
    for place in range(a, b + 1):
        values: Mapping[str, np.ndarray] = by_segment.get(int(view.index.k[place]), {})
        if view.is_dirty(place):
            values = log_rows_of(view, place, columns).columns
        yield place, view.stop_before(place), values


def log_rows_of(view: View, place: int, columns: Iterable[Column]) -> Rows:
    """Read the rows of one segment from the log."""
    above, up_to = view.index.above(place), int(view.index.last_id[place])
    return read_log_rows(view.connection, view.layout, columns, above, up_to)

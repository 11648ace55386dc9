"""A prediction log of NumPy arrays: the monitor's `Source` in memory, one model named "m"."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent
from drift.life.ledger import Acknowledgement, AlarmRecord, FeedName, Kept, Progress, Rows, Snooze
from drift.monitor.memory import Memory
from drift.monitor.source import Outcomes, Place
from drift.statistics.grid import ColumnCounts, Edges, cell_counts

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True)
class FrozenRows:
    """A reference: rows as they were when it was frozen."""

    name: str
    n: int
    start: datetime
    end: datetime
    samples: Mapping[str, Sample]


class ArraySource:
    """Rows a minute apart; the id of a row is its microsecond. `n_reads` counts reads, `broken` columns raise."""

    def __init__(
        self,
        columns: Sequence[Column],
        values: Mapping[str, Any],
        references: Mapping[str, int],
        labelled_at: Sequence[datetime | None] | None = None,
        texts: Sequence[str | None] = (),
    ) -> None:
        self.memory = Memory()
        self.registered, self.texts = tuple(columns), texts
        self.samples = {column.name: sample_of(column, values[column.name]) for column in columns}
        n = len(next(iter(self.samples.values())))
        self.at = _micros(START) + np.arange(n) * (MINUTE // _MICRO)
        came = self.at if labelled_at is None else [_micros(at) if at else 0 for at in labelled_at]
        self.labelled_at = np.array(came, np.int64)
        self.broken: dict[str, Exception] = {}
        self.n_reads = {"window": 0, "reference": 0}
        self.n_changes = 1
        self.frozen = tuple(self._freeze(name, n) for name, n in references.items())
        self.streams = {reference.name: ArrayStream(self, reference) for reference in self.frozen}
        self.ledgers = {reference.name: ArrayLedger(self) for reference in self.frozen}

    def insert(self, at: datetime, values: Mapping[str, Any]) -> None:
        """Take in one row: wherever it stands, evidence on what lies behind it is taken anew."""
        place = int(np.searchsorted(self.at, _micros(at)))
        is_late, self.at = place < self.at.size, np.insert(self.at, place, _micros(at))
        self.labelled_at = np.insert(self.labelled_at, place, _micros(at))
        for column in self.registered:
            self.samples[column.name] = inserted(self.samples[column.name], place, values.get(column.name))
        self.n_changes += 1
        for ledger in self.ledgers.values() if is_late else ():
            ledger.forget()

    def columns(self, model: str) -> tuple[Column, ...]:
        if model != "m":
            raise ValueError(f"model must be a registered one (m); got {model!r}.")
        return self.registered

    def n_rows(self, model: str) -> int:
        return self.at.size

    def revision(self, model: str) -> int:
        return self.n_changes

    def extents(self, model: str, windows: Sequence[Window]) -> list[WindowExtent]:
        return [self._extent(window, self._rows(window)) for window in windows]

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["window"] += 1
        return self._read(self._rows(window), columns)

    def references(self, model: str) -> Sequence[FrozenRows]:
        return self.frozen

    def default_reference(self, model: str) -> FrozenRows | None:
        return self.frozen[0] if self.frozen else None

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["reference"] += 1
        samples = self._found(name).samples
        self._read(slice(0), columns)
        return {column.name: samples[column.name] for column in columns}

    def counts(self, model: str, windows: Sequence[Window], cells: Mapping[str, Edges]) -> dict[str, ColumnCounts]:
        wanted = [column for column in self.registered if column.name in cells]
        read = [self.read_window(model, window, wanted) for window in windows]
        return {name: counted([samples[name] for samples in read], edges) for name, edges in cells.items()}

    def read_outcomes(self, model: str, reference: str, after: Place | None, n: int) -> Outcomes:
        rows = self._outcomes(reference)
        first = 0 if after is None else self._labels_up_to(rows, after)
        rows = rows[first : first + n]
        prediction, label = (taken(self.samples[name], rows) for name in ("prediction", "label"))
        return Outcomes(self.at[rows], self.labelled_at[rows], prediction, label)

    def outcome_before(self, model: str, reference: str, place: Place, n: int) -> datetime:
        rows = self._outcomes(reference)
        return _instant(self.labelled_at[rows[max(self._labels_up_to(rows, place) - 1 - n, 0)]])

    def read_delays(self, model: str, window: Window, limit: int) -> np.ndarray:
        rows = np.arange(self.at.size)[self._rows(window)]
        rows = rows[self.samples["label"].codes[rows] >= 0][::-1][:limit]
        return (self.labelled_at[rows] - self.at[rows]) / 1e6

    def read_texts(self, model: str, window: Window, limit: int) -> list[str]:
        return [text for text in self.texts[self._rows(window)] if text is not None][-limit:]

    def stream(self, model: str, reference: str) -> "ArrayStream":
        return self.streams[self._found(reference).name]

    def ledger(self, model: str, reference: str) -> "ArrayLedger":
        return self.ledgers[self._found(reference).name]

    def _freeze(self, name: str, n: int) -> FrozenRows:
        end = _instant(self.at[n - 1] + 1)
        return FrozenRows(name, n, START, end, {c: taken(sample, slice(n)) for c, sample in self.samples.items()})

    def _found(self, name: str) -> FrozenRows:
        found = next((reference for reference in self.frozen if reference.name == name), None)
        if found is None:
            known = ", ".join(reference.name for reference in self.frozen)
            raise ValueError(f"reference must be a frozen one ({known}); got {name!r}.")
        return found

    def _extent(self, window: Window, rows: slice) -> WindowExtent:
        at = self.at[rows]
        if isinstance(window, TimeSpan):
            return WindowExtent(at.size, window.start, window.end)
        return WindowExtent(at.size, _instant(at[0]), _instant(at[-1] + 1)) if at.size else WindowExtent(0, None, None)

    def _rows(self, window: Window) -> slice:
        if isinstance(window, LastRows):
            return slice(max(self.at.size - window.n, 0), None)
        if isinstance(window, RowSpan):
            return slice(window.first, window.last)
        return slice(*np.searchsorted(self.at, [_micros(window.start), _micros(window.end)]).tolist())

    def _read(self, rows: slice, columns: Sequence[Column]) -> dict[str, Sample]:
        for column in columns:
            if column.name in self.broken:
                raise self.broken[column.name]
        return {column.name: taken(self.samples[column.name], rows) for column in columns}

    def _outcomes(self, reference: str) -> np.ndarray:
        known = (self.samples["prediction"].codes >= 0) & (self.samples["label"].codes >= 0)
        rows = np.flatnonzero(known & (self.at >= _micros(self._found(reference).end)))
        return rows[np.lexsort((self.at[rows], self.labelled_at[rows]))]

    def _labels_up_to(self, rows: np.ndarray, place: Place) -> int:
        came, row_id = self.labelled_at[rows], self.at[rows]
        return int(((came < place[0]) | ((came == place[0]) & (row_id <= place[1]))).sum())


class ArrayStream:
    """The rows of a source after one of its references."""

    def __init__(self, source: ArraySource, reference: FrozenRows) -> None:
        self.source, self.reference = source, reference

    def n_after(self, row_id: int | None, at_most: int) -> int:
        return min(self.source.at.size - self._first(row_id), at_most)

    def rows_after(self, row_id: int | None, n: int, columns: Sequence[Column]) -> Rows:
        source, first = self.source, self._first(row_id)
        rows = slice(first, first + n)
        samples = {c.name: source.broken.get(c.name) or taken(source.samples[c.name], rows) for c in columns}
        return Rows(source.at[rows], source.at[rows], samples)

    def instant_before(self, row_id: int, n: int) -> datetime:
        return _instant(self.source.at[max(self._first(row_id) - 1 - n, 0)])

    def _first(self, row_id: int | None) -> int:
        from_id = _micros(self.reference.end) if row_id is None else row_id + 1
        return int(np.searchsorted(self.source.at, from_id))


class ArrayLedger:
    """Evidence in memory, one version at a time. `writable` may be taken away."""

    def __init__(self, source: ArraySource) -> None:
        self.source, self.writable = source, True
        self.kept: Kept | None = None
        self._lock = threading.Lock()

    def read(self, *, states: bool = False) -> Kept | None:
        return self.kept if self.kept is None or states else replace(self.kept, states={})

    def begin(self, kept: Kept) -> Kept:
        with self._lock:
            if self.writable and (self.kept is None or self.kept.rule != kept.rule):
                self.kept = replace(kept, version=self.kept.version + 1 if self.kept else 1)
            return self.kept or kept

    def write(
        self, kept: Kept, feed: FeedName, stored: Sequence[tuple[Progress, bytes]], alarms: Sequence[AlarmRecord]
    ) -> int | None:
        with self._lock:
            if not self.writable or self.kept is None or kept.version != self.kept.version:
                return None
            self._put(stored, (*self.kept.alarms, *alarms))
            return self.kept.version

    def acknowledge(
        self, kept: Kept, record: AlarmRecord, answer: Acknowledgement, progress: Progress, state: bytes
    ) -> bool:
        with self._lock:
            if self.kept is None or kept.version != self.kept.version:
                return False
            self._put([(progress, state)], self._with(record, acknowledged=answer))
            self.source.n_changes += 1
            return True

    def snooze(self, record: AlarmRecord, snooze: Snooze) -> None:
        with self._lock:
            self._put((), self._with(record, snoozed=snooze))
            self.source.n_changes += 1

    def now(self) -> datetime:
        return _instant(self.source.at[-1]) + MINUTE

    def forget(self) -> None:
        """Drop all evidence, but for what people answered."""
        with self._lock:
            if self.kept is not None:
                answered = tuple(record for record in self.kept.alarms if record.acknowledged)
                version = self.kept.version + 1
                self.kept = replace(self.kept, version=version, progress={}, states={}, alarms=answered)

    def _with(self, record: AlarmRecord, **answer: Any) -> tuple[AlarmRecord, ...]:
        return tuple(replace(known, **answer) if known == record else known for known in self.kept.alarms)

    def _put(self, stored: Sequence[tuple[Progress, bytes]], alarms: tuple[AlarmRecord, ...]) -> None:
        progress = {**self.kept.progress, **{part.stream: part for part, _ in stored}}
        states = {**self.kept.states, **{part.stream: state for part, state in stored}}
        version = self.kept.version + 1
        self.kept = replace(self.kept, version=version, progress=progress, states=states, alarms=alarms)


def sample_of(column: Column, values: Any) -> Sample:
    """Build a sample of plain values; None and NaN are missing."""
    if column.kind == "numeric":
        return NumericSample(np.asarray(values, float))
    categories: dict[str, int] = {}
    codes = [-1 if value is None else categories.setdefault(str(value), len(categories)) for value in values]
    return CategoricalSample(np.array(codes, np.int32), tuple(categories))


def taken(sample: Sample, rows: slice | np.ndarray) -> Sample:
    if isinstance(sample, NumericSample):
        return NumericSample(sample.values[rows])
    return replace(sample, codes=sample.codes[rows])


def inserted(sample: Sample, place: int, value: Any) -> Sample:
    if isinstance(sample, NumericSample):
        return NumericSample(np.insert(sample.values, place, np.nan if value is None else value))
    categories = sample.categories
    if value is not None and value not in categories:
        categories = (*categories, value)
    return CategoricalSample(
        np.insert(sample.codes, place, -1 if value is None else categories.index(value)), categories
    )


def counted(samples: Sequence[Sample], edges: Edges) -> ColumnCounts:
    """Count windows one by one."""
    cells = [part.counts() if edges is None else cell_counts(np.sort(part.values), edges) for part in samples]
    up_to = np.array([np.cumsum(part) for part in cells])
    sizes = np.array([len(sample) for sample in samples])
    return ColumnCounts(up_to, sizes - up_to[:, -1], edges, samples[0].categories if edges is None else ())


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICRO


def _instant(micros: int) -> datetime:
    return _EPOCH + int(micros) * _MICRO

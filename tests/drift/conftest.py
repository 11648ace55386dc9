"""A prediction log made of arrays: the monitor's Source in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from drift.grid import ColumnCounts, cell_counts, grid_edges
from drift.ledger import Kept, Rows
from drift.samples import CategoricalSample, NumericReference, NumericSample, Sample
from drift.sliding import sliding_windows
from drift.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class FrozenRows:
    """A reference: the first n rows."""

    name: str
    n: int
    start: datetime = START
    end: datetime = START


class ArraySource:
    """One model whose rows come a minute apart; `n_reads` counts what was read, `broken` columns raise."""

    def __init__(self, columns: Sequence[Column], values: Mapping[str, Any], references: Mapping[str, int]) -> None:
        self.registered = tuple(columns)
        self.samples = {column.name: sample_of(column, values[column.name]) for column in columns}
        self.frozen = tuple(FrozenRows(name, n, end=START + n * MINUTE) for name, n in references.items())
        self.ledgers = {name: ArrayLedger(self, n) for name, n in references.items()}
        self.broken: dict[str, Exception] = {}
        self.n_reads = {"window": 0, "reference": 0}

    def columns(self, model: str) -> tuple[Column, ...]:
        if model != "m":
            raise ValueError(f"model must be a registered one (m); got {model!r}.")
        return self.registered

    def references(self, model: str) -> Sequence[FrozenRows]:
        return self.frozen

    def default_reference(self, model: str) -> FrozenRows | None:
        return self.references(model)[0] if self.references(model) else None

    def n_rows(self, model: str) -> int:
        return len(next(iter(self.samples.values())))

    def revision(self, model: str) -> int:
        return 1

    def extent(self, model: str, window: Window) -> WindowExtent:
        rows = self._rows(window)
        first, last = (START + timedelta(minutes=row) for row in (rows.start, rows.stop))
        return WindowExtent(len(rows), first, last) if rows else WindowExtent(0, None, None)

    def extents(self, model: str, windows: Sequence[Window]) -> Sequence[WindowExtent]:
        return [self.extent(model, window) for window in windows]

    def n_retired(self, model: str) -> int:
        return 0

    def cut(self, model: str, k: int) -> Sequence[RowSpan]:
        return sliding_windows(self.n_rows(model), k)

    def read_counts(
        self, model: str, windows: Sequence[Window], reference: str, columns: Sequence[Column]
    ) -> Mapping[str, ColumnCounts]:
        frozen = self.read_reference(model, reference, columns)
        samples = [self.read_window(model, window, columns) for window in windows]
        return {c.name: counted(frozen[c.name], [window[c.name] for window in samples]) for c in columns}

    def ledger(self, model: str, reference: str) -> "ArrayLedger":
        return self.ledgers[reference]

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["window"] += 1
        return self._read(self._rows(window), columns)

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["reference"] += 1
        sizes = {reference.name: reference.n for reference in self.frozen}
        if name not in sizes:
            raise ValueError(f"reference must be one of {', '.join(sizes)}; got {name!r}.")
        return self._read(range(sizes[name]), columns)

    def try_each(self, rows: range, columns: Sequence[Column]) -> dict[str, Sample | Exception]:
        return {
            column.name: self.broken.get(column.name) or part(self.samples[column.name], rows) for column in columns
        }

    def _rows(self, window: Window) -> range:
        rows = range(self.n_rows("m"))
        if isinstance(window, LastRows):
            return rows[-window.n :]
        if isinstance(window, RowSpan):
            return rows[window.first : window.last]
        assert isinstance(window, TimeSpan)
        first, last = (-((START - at) // timedelta(minutes=1)) for at in (window.start, window.end))
        return rows[max(first, 0) : max(last, 0)]

    def _read(self, rows: range, columns: Sequence[Column]) -> dict[str, Sample]:
        for column in columns:
            if column.name in self.broken:
                raise self.broken[column.name]
        return {column.name: part(self.samples[column.name], rows) for column in columns}


class ArrayLedger:
    """Evidence in memory; a row's id is its position. `writable` may be taken away."""

    def __init__(self, source: ArraySource, n_reference: int) -> None:
        self.source, self.n_reference, self.kept, self.writable = source, n_reference, None, True

    def read(self, *, states: bool = False) -> Kept | None:
        return self.kept

    def begin(self, kept: Kept) -> Kept:
        if self.writable:
            self.kept = replace(kept, version=1)
        return self.kept or kept

    def write(self, kept, feed, stored, alarms):
        if not self.writable or kept.version != self.kept.version:
            return None
        self.kept = replace(
            self.kept,
            version=kept.version + 1,
            progress=self.kept.progress | {progress.stream: progress for progress, _ in stored},
            states=self.kept.states | {progress.stream: state for progress, state in stored},
            alarms=(*self.kept.alarms, *alarms),
        )
        return kept.version + 1

    def acknowledge(self, kept, record, answer, progress, state):
        if kept.version != self.kept.version:
            return False
        self.kept = replace(
            self.kept,
            version=kept.version + 1,
            progress=self.kept.progress | {progress.stream: progress},
            states=self.kept.states | {progress.stream: state},
            alarms=tuple(replace(a, acknowledged=answer) if a == record else a for a in self.kept.alarms),
        )
        return True

    def snooze(self, record, snooze):
        alarms = tuple(replace(a, snoozed=snooze) if a == record else a for a in self.kept.alarms)
        self.kept = replace(self.kept, alarms=alarms)

    def now(self):
        return START + self.source.n_rows("m") * MINUTE

    def n_after(self, row_id, at_most):
        return len(self._after(row_id)[:at_most])

    def rows_after(self, row_id, n, columns):
        rows = self._after(row_id)[:n]
        ids = np.arange(rows.start, rows.stop)
        micros = START.timestamp() * 1e6 + ids * MINUTE.total_seconds() * 1e6
        return Rows(ids, micros.astype(np.int64), self.source.try_each(rows, columns))

    def instant_before(self, row_id, n):
        return START + (row_id - n) * MINUTE

    def _after(self, row_id):
        return range(self.source.n_rows("m"))[self.n_reference if row_id is None else row_id + 1 :]


def sample_of(column: Column, values: Any) -> Sample:
    """Build a sample of plain values; None and NaN are missing."""
    if column.kind == "numeric":
        return NumericSample(np.asarray(values, float))
    categories: dict[str, int] = {}
    codes = [-1 if value is None else categories.setdefault(str(value), len(categories)) for value in values]
    return CategoricalSample(np.array(codes, np.int32), tuple(categories))


def counted(reference: Sample, samples: Sequence[Sample]) -> ColumnCounts:
    """Count windows one by one in the cells of a reference."""
    sizes = np.array([len(sample) for sample in samples])
    if isinstance(reference, NumericSample):
        edges = grid_edges(NumericReference.from_sample(reference))
        up_to = np.array([np.cumsum(cell_counts(np.sort(sample.values), edges)) for sample in samples])
        return ColumnCounts(up_to, sizes - up_to[:, -1], edges)
    up_to = np.array([np.cumsum(sample.counts()) for sample in samples])
    return ColumnCounts(up_to, sizes - up_to[:, -1], None, reference.categories)


def part(sample: Sample, rows: range) -> Sample:
    span = slice(rows.start, rows.stop)
    if isinstance(sample, NumericSample):
        return NumericSample(sample.values[span])
    return replace(sample, codes=sample.codes[span])


@pytest.fixture
def array_source() -> Callable[..., ArraySource]:
    """Return a function of (columns, values, references) that builds a Source for the model "m"."""
    return lambda columns, values, references=None: ArraySource(
        columns, values, {"training": 500} if references is None else references
    )


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """Return a function of (kind, values) that builds a sample."""
    return lambda kind, values: sample_of(Column("x", kind), values)

"""A prediction log made of arrays: the monitor's Source in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from drift.samples import CategoricalSample, NumericSample, Sample
from drift.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent

START = datetime(2026, 1, 1, tzinfo=UTC)


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
        self.frozen = tuple(FrozenRows(name, n) for name, n in references.items())
        self.broken: dict[str, Exception] = {}
        self.n_reads = {"window": 0, "reference": 0}

    def columns(self, model: str) -> tuple[Column, ...]:
        if model != "m":
            raise ValueError(f"model must be a registered one (m); got {model!r}.")
        return self.registered

    def references(self, model: str) -> Sequence[FrozenRows]:
        return self.frozen

    def n_rows(self, model: str) -> int:
        return len(next(iter(self.samples.values())))

    def revision(self, model: str) -> int:
        return 1

    def extent(self, model: str, window: Window) -> WindowExtent:
        rows = self._rows(window)
        first, last = (START + timedelta(minutes=row) for row in (rows.start, rows.stop))
        return WindowExtent(len(rows), first, last) if rows else WindowExtent(0, None, None)

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["window"] += 1
        return self._read(self._rows(window), columns)

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        self.n_reads["reference"] += 1
        sizes = {reference.name: reference.n for reference in self.frozen}
        if name not in sizes:
            raise ValueError(f"reference must be one of {', '.join(sizes)}; got {name!r}.")
        return self._read(range(sizes[name]), columns)

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


def sample_of(column: Column, values: Any) -> Sample:
    """Build a sample of plain values; None and NaN are missing."""
    if column.kind == "numeric":
        return NumericSample(np.asarray(values, float))
    categories: dict[str, int] = {}
    codes = [-1 if value is None else categories.setdefault(str(value), len(categories)) for value in values]
    return CategoricalSample(np.array(codes, np.int32), tuple(categories))


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

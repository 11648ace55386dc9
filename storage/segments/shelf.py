"""What a model's windows hold, from its segments: extents, values, and counts on the cells of a reference."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import sqlalchemy as sa

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column, RowSpan, Window, WindowExtent
from drift.statistics.grid import ColumnCounts, Edges
from storage.database.engine import reading
from storage.models.catalogue import Catalogue, Entry, read_entry
from storage.reading import selection
from storage.segments.counts import count_spans, up_to_each
from storage.segments.format import SegmentCache, read_dirty, sealed_columns
from storage.segments.grids import Grid, GridCache, count_values, grids_with
from storage.segments.memory import Remembered
from storage.segments.view import TailCache, View, extent_of, read_columns, span_of


@dataclass(frozen=True, eq=False)
class Shelf:
    """A database and what is remembered of the models in it; all of it is checked anew in every transaction."""

    engine: sa.Engine
    catalogue: Catalogue
    segments: SegmentCache
    tails: TailCache
    grids: GridCache
    remembered: Remembered = field(default_factory=Remembered)

    def view(self, connection: sa.Connection, model: str) -> View:
        """Return a model's rows as this transaction sees them."""
        entry = read_entry(connection, model)
        return self.view_of(connection, entry)

    def view_of(self, connection: sa.Connection, entry: Entry) -> View:
        """Return a model's rows as the transaction sees them that read its entry."""
        layout = self.catalogue.layout(connection, entry)
        index = self.segments.index(connection, entry)
        dirty = read_dirty(connection, entry) if len(index) else set()
        return View(connection, entry, layout, index, dirty, self.tails, self.remembered)

    @contextmanager
    def open(self, model: str) -> Iterator[View]:
        """Open a view of a model in a transaction of its own."""
        with reading(self.engine) as connection:
            yield self.view(connection, model)


def read_extents(view: View, windows: Sequence[Window]) -> list[WindowExtent]:
    """Count the rows of every window and return the half-open time they span."""
    return [
        extent_of(view, window) or selection.read_extent(view.connection, view.layout.table, window)
        for window in windows
    ]


def read_samples(
    view: View, dictionary: selection.Dictionary, window: Window, columns: Sequence[Column]
) -> dict[str, Sample]:
    """Return the values of a window, one sample per column, all in time order.

    Returns
    -------
    dict of samples by column name, in the order of `columns`
        Each of shape (n,): float64 with NaN for missing, or int32 codes with -1 and the names of the codes.
    """
    span = span_of(view, window)
    sealed = {column.name for column in sealed_columns(view.layout).values()} if span is not None else set()
    others = [column for column in columns if column.name not in sealed]
    found: dict[str, Sample] = {}
    if others:
        found |= selection.read_samples(view.connection, view.layout, dictionary, window, others)
    if span is not None:
        wanted = [column for column in columns if column.name in sealed]
        for column, values in zip(wanted, read_columns(view, *span, wanted).values(), strict=True):
            found[column.name] = sample_of(column, values, dictionary.get(column.name, ()))
    return {column.name: found[column.name] for column in columns}


def sample_of(column: Column, values: np.ndarray, categories: tuple[str, ...]) -> Sample:
    """Return stored values as a sample.

    Parameters
    ----------
    values : float64 array, or int32 codes, shape (n,)
    categories : names of the codes

    Returns
    -------
    sample of shape (n,)
    """
    return NumericSample(values) if column.kind == "numeric" else CategoricalSample(values, categories)


def read_counts(
    view: View,
    grids: Sequence[Grid],
    dictionary: selection.Dictionary,
    windows: Sequence[Window],
    cells: Mapping[str, Edges],
) -> dict[str, ColumnCounts]:
    """Count many windows in cells: from stored counts, where a reference has been counted in the same ones.

    Parameters
    ----------
    cells : borders by column name, float64 array of shape (n_cells - 1,); None for a categorical column: its codes

    Returns
    -------
    dict of ColumnCounts by column name, in the order of `cells`
        Counts of shape (len(windows), n_cells), and the rows without a value, shape (len(windows),).

    Raises
    ------
    ValueError
        If the cells are of a column that is not sealed: a label, or none of the model's.
    """
    columns = {column.name: (position, column) for position, column in sealed_columns(view.layout).items()}
    if unknown := sorted(cells.keys() - columns.keys()):
        raise ValueError(f"cells must be of columns that are no labels ({', '.join(columns)}); got {unknown[0]!r}.")
    wanted = {columns[name][0]: edges for name, edges in cells.items()}
    of_position = {columns[name][0]: columns[name][1] for name in cells}
    spans = [span_of(view, window) for window in windows]
    # A window whose rows lie apart is counted by itself: nothing of it stands in the cumulated counts.
    within = [span or (0, 0) for span in spans]
    found: dict[str, ColumnCounts] = {}
    for grid, positions in grids_with(grids, wanted):
        found |= count_spans(view, grid, within, [of_position[position] for position in positions], dictionary)
    for at in (at for at, span in enumerate(spans) if span is None):
        samples = selection.read_samples(
            view.connection, view.layout, dictionary, windows[at], list(of_position.values())
        )
        for name, sample in samples.items():
            _put(found[name], at, sample, cells[name])
    return {name: found[name] for name in cells}


def _put(counted: ColumnCounts, at: int, sample: Sample, edges: Edges) -> None:
    values = sample.values if isinstance(sample, NumericSample) else sample.codes
    counts = count_values(values, edges)
    counted.up_to[at] = up_to_each(counts, counted.up_to.shape[1])
    counted.n_missing[at] = values.size - counts.sum()


def cut(view: View, k: int) -> tuple[RowSpan, ...]:
    """Cut the log into at most k windows of about equal size, where segments end if there are enough of them."""
    n_rows = view.n_rows
    edges = np.linspace(0, n_rows, k + 1).round().astype(np.int64)
    if len(view.index) >= k:
        stops = np.concatenate([[0], view.index.stops])
        # The rows behind the watermark belong to the newest window.
        edges = np.append(stops[np.linspace(0, len(view.index), k + 1).round().astype(np.int64)][:-1], n_rows)
    edges = np.unique(edges)
    return tuple(RowSpan(int(a), int(b)) for a, b in pairwise(edges))

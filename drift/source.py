"""What the monitor asks of a prediction log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from drift.grid import ColumnCounts
from drift.ledger import Ledger
from drift.samples import Sample
from drift.windows import Column, RowSpan, Window, WindowExtent


class FrozenReference(Protocol):
    """A reference as a log lists it."""

    @property
    def name(self) -> str: ...

    @property
    def n(self) -> int: ...

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


class Source(Protocol):
    """Where windows and references come from; `storage.PredictionLog` is one."""

    def columns(self, model: str) -> tuple[Column, ...]:
        """Return a model's registered columns."""

    def references(self, model: str) -> Sequence[FrozenReference]:
        """Return a model's references, the oldest first."""

    def default_reference(self, model: str) -> FrozenReference | None:
        """Return the reference that a model is compared with unless another one is named."""

    def n_rows(self, model: str) -> int:
        """Return how many rows a model's log holds."""

    def revision(self, model: str) -> int:
        """Return a number that grows with every change of the model."""

    def extent(self, model: str, window: Window) -> WindowExtent:
        """Count the rows of a window and return the half-open time that they span."""

    def extents(self, model: str, windows: Sequence[Window]) -> Sequence[WindowExtent]:
        """Return the extent of every window, all as of one instant."""

    def n_retired(self, model: str) -> int:
        """Return how many rows retention has removed from the front of the log."""

    def cut(self, model: str, k: int) -> Sequence[RowSpan]:
        """Cut the log into at most k windows of about equal size, where counting them costs least."""

    def read_counts(
        self, model: str, windows: Sequence[Window], reference: str, columns: Sequence[Column]
    ) -> Mapping[str, ColumnCounts]:
        """Count the rows of many windows on the cells of a frozen reference, column by column."""

    def ledger(self, model: str, reference: str) -> Ledger:
        """Return where the evidence against a frozen reference is kept."""

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a window, one sample per column, in time order."""

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a reference, one sample per column, in time order."""


def monitored(source: Source, model: str) -> tuple[Column, ...]:
    """Return the columns that a board compares: features, prediction and score."""
    return tuple(column for column in source.columns(model) if column.role != "label")

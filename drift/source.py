"""What the monitor asks of a prediction log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from drift.samples import Sample
from drift.windows import Column, Window, WindowExtent


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

    def n_rows(self, model: str) -> int:
        """Return how many rows a model's log holds."""

    def revision(self, model: str) -> int:
        """Return a number that grows with every change of the model."""

    def extent(self, model: str, window: Window) -> WindowExtent:
        """Count the rows of a window and return the half-open time that they span."""

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a window, one sample per column, in time order."""

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a reference, one sample per column, in time order."""

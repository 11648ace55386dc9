"""What the monitor asks of a prediction log, in small protocols; `Source` is their sum.

Whatever answers these questions can be watched. `storage.PredictionLog` does on SQLite and PostgreSQL. An engine that
only reads rows (files, a warehouse) answers `Windows`, `Counts` and `drift.life.ledger.Stream`, such a log the rest.
`tests/drift/test_source_contract.py` asks every source the same. A source guarantees:

**Threads.** One object serves any number of threads at once, and so do the streams and ledgers that it hands out.

**Ownership.** Nobody changes an array that has been handed out: a source may hand out the same one twice. A source
makes one `Memory`, empty, and never looks into it; the monitor keeps there what it has made of frozen references.

**Consistency.** A call answers as of one instant: all its windows and columns are of the same rows. Between two calls
rows may come, change or go, and `revision` tells: an answer is kept under the revision read *before* asking.

**Revision.** A whole number for each model, which grows, and never falls, with every change of what can be asked here:
rows, labels, columns, references, people's answers to alarms. Evidence is no such change, for it follows from the
rows. While the revision stays, so do all answers.

**Order.** Rows have one total order: by the millisecond of `predicted_at`, and within one an order that stays as it is.
Values come in it, whatever order the rows came in. Labels have an order of their own: by the instant of the label,
then by row. Rows and labels may come late, in front of others: what evidence had taken in behind them is then gone.

**Windows.** Half-open, and cut off at the ends of the log; one that holds no rows is an answer and not an error.

**Time.** Every instant carries its zone. Those that a source makes are in UTC and exact to the microsecond.

**References.** A frozen one never changes. Where its name is given to another one, `id`, size or times tell them apart.

**Failure.** An unknown model or reference is a `ValueError` that names the known ones. A column that cannot be read
fails the call; asked for without it, its neighbours are answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from drift.data.samples import CategoricalSample, Sample
from drift.data.windows import Column, Window, WindowExtent
from drift.life.ledger import Ledger, Stream
from drift.monitor.memory import Memory
from drift.statistics.grid import ColumnCounts, Edges

# Where a label stands in label order: when it came, in microseconds since 1970, and the id of its row.
Place = tuple[int, int]


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


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Consecutive labelled rows in label order.

    Attributes
    ----------
    ids, micros : int arrays, shape (n,)
        Row ids, and when each label came, in microseconds since 1970.
    prediction, label : CategoricalSample
        Of n rows each, none missing.
    """

    ids: np.ndarray
    micros: np.ndarray
    prediction: CategoricalSample
    label: CategoricalSample


class Windows(Protocol):
    """A log of rows, asked window by window."""

    def columns(self, model: str) -> tuple[Column, ...]:
        """Return a model's registered columns."""

    def n_rows(self, model: str) -> int:
        """Return how many rows a model's log holds."""

    def revision(self, model: str) -> int:
        """Return a number that grows with every change of the model."""

    def extents(self, model: str, windows: Sequence[Window]) -> Sequence[WindowExtent]:
        """Count the rows of every window and return the half-open time that each spans.

        Returns
        -------
        extents : one per window
            The time of a `TimeSpan` is its own. That of other windows runs from their earliest row to a microsecond
            after their latest; it is None where there is no row.
        """

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a window, one sample per column, all in time order.

        Returns
        -------
        samples : by name of a column
            One for each column asked for, all of as many rows as the window holds; NaN and -1 are missing.
        """


class References(Protocol):
    """Frozen references: the rows that windows are compared with."""

    def references(self, model: str) -> Sequence[FrozenReference]:
        """Return a model's references, the oldest first."""

    def default_reference(self, model: str) -> FrozenReference | None:
        """Return the reference that a model is compared with unless another one is named."""

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> Mapping[str, Sample]:
        """Return the values of a reference, one sample per column, all in time order.

        A column that was registered after the reference was frozen is missing throughout.

        Returns
        -------
        samples : by name of a column
            One for each column asked for, all of as many rows as the reference holds; NaN and -1 are missing.
        """


class Counts(Protocol):
    """A log that counts rows where they lie."""

    def counts(self, model: str, windows: Sequence[Window], cells: Mapping[str, Edges]) -> Mapping[str, ColumnCounts]:
        """Count the rows of many windows in cells, column by column.

        Parameters
        ----------
        cells : by name of a column that is no label
            Ascending edges of a numeric column, None for a categorical one, whose cells are its categories. A source
            that has counted on these edges before may answer from that.

        Returns
        -------
        counts : by name of a column
            Exact, on the very edges that were given. Categories are named in the order of the codes that
            `read_window` and `read_reference` give them; there may be more of them than when the reference was frozen.
        """


class Labels(Protocol):
    """A log that knows when labels came."""

    def read_outcomes(self, model: str, reference: str, after: Place | None, n: int) -> Outcomes:
        """Return labelled predictions that were made after a reference, in label order.

        Parameters
        ----------
        after : Place or None
            Only those that follow it.
        n : int
            How many at most.

        Returns
        -------
        Outcomes
            Fewer than n only where there are no more.
        """

    def outcome_before(self, model: str, reference: str, place: Place, n: int) -> datetime:
        """Return when the label came that lies n labels before a place, or the first one since the reference."""

    def read_delays(self, model: str, window: Window, limit: int) -> np.ndarray:
        """Return how many seconds labels took to come, for the newest `limit` labelled rows of a window.

        Returns
        -------
        float array, shape (n,)
            In no certain order; n is at most `limit`.
        """


class Texts(Protocol):
    """A log that keeps texts."""

    def read_texts(self, model: str, window: Window, limit: int) -> Sequence[str]:
        """Return the texts of a window's newest `limit` rows that have one, in time order."""


class Source(Windows, References, Counts, Labels, Texts, Protocol):
    """All that the monitor asks; for each frozen reference also the rows after it, and where evidence is kept."""

    @property
    def memory(self) -> Memory:
        """What the monitor keeps for as long as this source lives."""

    def stream(self, model: str, reference: str) -> Stream:
        """Return the rows that came after a frozen reference."""

    def ledger(self, model: str, reference: str) -> Ledger:
        """Return where the evidence against a frozen reference is kept."""


def monitored(source: Windows, model: str) -> tuple[Column, ...]:
    """Return the columns that a board compares: features, prediction and score."""
    return tuple(column for column in source.columns(model) if column.role != "label")


def extent_of(source: Windows, model: str, window: Window) -> WindowExtent:
    """Count the rows of one window and return the half-open time that it spans."""
    return source.extents(model, [window])[0]

"""What is remembered about watched columns between two looks, and what the watcher asks of whoever remembers it.

`Stream` delivers the rows that evidence is taken from, and `Ledger` keeps the evidence: they may lie in two engines.
What `drift.monitor.source` guarantees holds for both; a ledger guarantees two things more:

**Whoever comes second drops his work.** What is kept has a version, and only who has read the newest may write.

**What stands can be computed again.** The same rows leave the same bytes, whoever looks and however often. Where a row
or label comes, changes or goes in front of what was taken in, the evidence behind it is gone at the next read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import numpy as np

from drift.data.samples import Sample
from drift.data.windows import Column
from drift.life.evidence import Alarm

AcknowledgementKind = Literal["acknowledged", "false alarm"]
FeedName = Literal["rows", "labels"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    """The last row of a bucket.

    `order` grows from bucket to bucket: the row id where rows are read in time order.
    """

    order: int
    row_id: int
    at: datetime


@dataclass(frozen=True)
class Progress:
    """How far a stream has been watched: rows since the reference, the last of them, and the evidence there."""

    stream: str
    position: int
    mark: Mark
    score: float
    life_p: float


@dataclass(frozen=True)
class Acknowledgement:
    """A person's answer to an alarm. The scores restarted after the row `mark`; the alarm stays history."""

    at: datetime
    by: str
    kind: AcknowledgementKind
    note: str
    mark: Mark


@dataclass(frozen=True)
class Snooze:
    """Until when an alarm shall not be red, and who said so."""

    until: datetime
    by: str
    note: str


@dataclass(frozen=True)
class AlarmRecord:
    """An alarm of one stream, the row at which it sounded, and since when the drift seems to last."""

    stream: str
    alarm: Alarm
    mark: Mark
    onset_at: datetime
    acknowledged: Acknowledgement | None = None
    snoozed: Snooze | None = None

    def sounds_in(self, end: datetime) -> bool:
        """Return whether it had sounded before a window's end and nobody had acknowledged it by then."""
        return self.mark.at < end and (self.acknowledged is None or end <= self.acknowledged.mark.at)

    def sounds_after(self, mark: Mark | None) -> bool:
        """Return whether it is sounding once the row `mark` has been taken in."""
        if mark is None or mark.order < self.mark.order:
            return False
        return self.acknowledged is None or mark.order < self.acknowledged.mark.order


def newest(alarms: Iterable[AlarmRecord]) -> AlarmRecord | None:
    """Return the alarm that sounded last."""
    return max(alarms, key=lambda record: record.mark.order, default=None)


@dataclass(frozen=True)
class Replay:
    """What the rule did when parts of the reference were watched against other parts of it.

    `alarms` counts, by column, the lives of `n_rows` rows in which it alarmed; `n_alarmed` the lives with any alarm.
    """

    n_lives: int
    n_rows: int
    n_alarmed: int
    alarms: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Honesty:
    """What the badges rest on: who shares the chance of a false alarm, over which life, and a healthy replay."""

    alpha: float
    horizon: int
    n_streams: int
    phi: Mapping[str, float]
    replay: Replay | None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Everything remembered about one reference.

    `version` changes with every write; -1 means that nothing is stored. `phi` lists the watched streams.
    """

    version: int
    rule: str
    n_streams: int
    phi: Mapping[str, float]
    replay: Replay | None = None
    progress: Mapping[str, Progress] = field(default_factory=dict)
    alarms: tuple[AlarmRecord, ...] = ()
    states: Mapping[str, bytes] = field(default_factory=dict)

    def open_alarm(self, stream: str) -> AlarmRecord | None:
        """Return the alarm of a stream that nobody has acknowledged."""
        return next((a for a in self.alarms if a.stream == stream and a.acknowledged is None), None)


@dataclass(frozen=True, eq=False)
class Rows:
    """Consecutive rows of a log.

    Attributes
    ----------
    ids, micros : int arrays, shape (n,)
        Row ids, and when the rows were predicted, in microseconds since 1970.
    samples : by name of a column
        Each of n rows, or the exception that says why the column could not be read.
    """

    ids: np.ndarray
    micros: np.ndarray
    samples: Mapping[str, Sample | Exception]


@dataclass(frozen=True, eq=False)
class Buckets:
    """Complete buckets in order.

    Attributes
    ----------
    counts : int arrays by name of a stream, shape (n_buckets, n_cells)
    orders, row_ids, micros : int arrays, shape (n_buckets,)
        The last row of each bucket: its place in the feed's order, its id, and its instant in microseconds since 1970.
    """

    counts: Mapping[str, np.ndarray]
    orders: np.ndarray
    row_ids: np.ndarray
    micros: np.ndarray

    def __len__(self) -> int:
        return self.orders.size

    def mark(self, at: int) -> Mark:
        """Return the last row of the bucket at a position."""
        instant = _EPOCH + timedelta(microseconds=int(self.micros[at]))
        return Mark(int(self.orders[at]), int(self.row_ids[at]), instant)


class Stream(Protocol):
    """The rows of one model that came after one frozen reference, in time order.

    The id of a row stays the same, and grows from row to row.
    """

    def n_after(self, row_id: int | None, at_most: int) -> int:
        """Count the rows after a row (None: after the reference), as far as `at_most`."""

    def rows_after(self, row_id: int | None, n: int, columns: Sequence[Column]) -> Rows:
        """Return the n rows after a row (None: after the reference), in time order.

        Parameters
        ----------
        row_id : int or None
        n : int
        columns : those whose values are wanted

        Returns
        -------
        Rows
            n of them, or as many as there are. In place of a column that cannot be read stands the exception.
        """

    def instant_before(self, row_id: int, n: int) -> datetime:
        """Return when the row n rows before a row came, or the first row where the log begins later."""


class Ledger(Protocol):
    """Where the evidence of one model against one reference is kept."""

    def read(self, *, states: bool = False) -> Kept | None:
        """Return what is kept, with `states` the stored evidence too; None if nothing was begun."""

    def begin(self, kept: Kept) -> Kept:
        """Start afresh with these streams. Acknowledged alarms stay; what cannot be written comes back as it was."""

    def write(
        self, kept: Kept, feed: FeedName, stored: Sequence[tuple[Progress, bytes]], alarms: Sequence[AlarmRecord]
    ) -> int | None:
        """Store evidence and new alarms if nobody has written since `kept`; return the new version, or None."""

    def acknowledge(
        self, kept: Kept, record: AlarmRecord, answer: Acknowledgement, progress: Progress, state: bytes
    ) -> bool:
        """Store a person's answer and the restarted evidence if that evidence still stands as in `kept`."""

    def snooze(self, record: AlarmRecord, snooze: Snooze) -> None:
        """Store until when an alarm shall not be red."""

    def now(self) -> datetime:
        """Return the instant by the clock of the ledger."""

"""The one thread of this process that writes: rows of concurrent requests go into the log in one transaction."""

import logging
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.serving.groups import Grouping
from storage.checking.rows import IngestReport, RejectedRow, UnreadableCells
from storage.log import PredictionLog
from storage.models.shadow import ShadowAnswer, append_shadow, note_served

# About a tenth of a second of writing.
GROUP_ROWS = 5_000
# About a second of it. Whoever would wait longer hears that the queue is full.
CAPACITY_ROWS = 50_000
LINGER = 0.001
Row = Mapping[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """Predictions to be logged."""

    model: str
    rows: Sequence[Row]
    is_awaited: bool = True


@dataclass(frozen=True)
class Labels:
    """True labels to be written."""

    model: str
    request_ids: Sequence[object]
    labels: Sequence[object]
    is_awaited: bool = True


@dataclass(frozen=True)
class Unheard:
    """Answers of a version on trial, and that a model answered at all."""

    model: str
    answers: Sequence[ShadowAnswer] = ()
    is_awaited: bool = True


Write = Rows | Labels | Unheard


class Writing:
    """A queue of writes: a future is done once its rows are committed."""

    def __init__(self, log: PredictionLog, *, capacity: int = CAPACITY_ROWS, linger: float = LINGER) -> None:
        self._log = log
        self.n_groups = 0
        self.n_rows = 0
        self.n_lost = 0
        self._queue: Grouping[Write, IngestReport] = Grouping(
            "writer", self._write, _size, capacity=capacity, group_size=GROUP_ROWS, linger=linger
        )

    @property
    def n_waiting(self) -> int:
        """How many rows wait to be written."""
        return self._queue.size

    async def ask(self, write: Write) -> IngestReport:
        """Write something; return once it is committed.

        Raises
        ------
        Full
            If too many rows wait already.
        """
        return await self._queue.ask(write)

    def put(self, write: Write) -> None:
        """Let something be written some time soon; what cannot be written is counted in `n_lost`.

        Raises
        ------
        Full
            If too many rows wait already.
        """
        self._queue.put(replace(write, is_awaited=False))

    def leave(self, write: Write) -> None:
        """Let something be written if it finds room, and raise nothing; what is not written is counted in `n_lost`.

        For what is noted beside rows that are in the log already: whoever sent those must not hear a no.
        """
        try:
            self.put(write)
        except Exception as error:
            self._lose(write, _size(write), str(error))

    def close(self) -> None:
        """Write what waits and take nothing more."""
        self._queue.close()

    def _write(self, group: list[Write]) -> list[IngestReport | Exception]:
        found: dict[int, IngestReport | Exception] = {}
        by_model: dict[str, dict[int, Rows]] = {}
        for position, write in enumerate(group):
            if isinstance(write, Rows):
                by_model.setdefault(write.model, {})[position] = write
        for model, writes in by_model.items():
            found |= zip(writes, self._append(model, list(writes.values())), strict=True)
        # A label may belong to a row of the same group: rows come first.
        for position, write in enumerate(group):
            if not isinstance(write, Rows):
                found[position] = self._alone(write)
        for position, write in enumerate(group):
            outcome = found[position]
            if write.is_awaited:
                continue
            if isinstance(outcome, Exception):
                self._lose(write, _size(write), str(outcome))
            elif outcome.rejected:
                self._lose(write, len(outcome.rejected), outcome.rejected[0].error)
        return [found[position] for position in range(len(group))]

    def _lose(self, write: Write, n: int, why: str) -> None:
        self.n_lost += n
        _log.error("%s %s of model %s were lost: %s", n, type(write).__name__, write.model, why)

    def _append(self, model: str, writes: Sequence[Rows]) -> list[IngestReport | Exception]:
        rows = [row for write in writes for row in write.rows]
        self.n_groups += 1
        self.n_rows += len(rows)
        try:
            return list(divided(self._log.append(model, rows), [len(write.rows) for write in writes]))
        except ValueError as error:
            # Something in one of the requests is wrong in a way that spoils a whole transaction.
            return [error] if len(writes) == 1 else [each for write in writes for each in self._append(model, [write])]
        except Exception as error:
            return [error] * len(writes)

    def _alone(self, write: Labels | Unheard) -> IngestReport | Exception:
        try:
            if isinstance(write, Labels):
                return self._log.label(write.model, write.request_ids, write.labels)
            if not write.answers:
                note_served(self._log, write.model)
            return IngestReport(append_shadow(self._log, write.model, write.answers))
        except Exception as error:
            return error


def divided(report: IngestReport, sizes: Sequence[int]) -> list[IngestReport]:
    """Return the report of each of the requests whose rows were appended together, one behind the other.

    Examples
    --------
    >>> first, second = divided(IngestReport(3, (RejectedRow(2, "request_id must be new."),)), [1, 3])
    >>> second
    IngestReport(accepted=2, rejected=(RejectedRow(row=1, error='request_id must be new.'),), unreadable=())
    """
    parts, first, rejected = [], 0, list(report.rejected)
    for size in sizes:
        own = tuple(RejectedRow(row.row - first, row.error) for row in rejected if first <= row.row < first + size)
        cells = (_part(each, first, size) for each in report.unreadable)
        parts.append(IngestReport(size - len(own), own, tuple(each for each in cells if each.n)))
        first += size
    return parts


def _part(cells: UnreadableCells, first: int, size: int) -> UnreadableCells:
    """Return the cells of one request, whose first row stood at `first`."""
    start, stop = bisect_left(cells.rows, first), bisect_left(cells.rows, first + size)
    return UnreadableCells(cells.column, tuple(row - first for row in cells.rows[start:stop]), cells.errors[start:stop])


def _size(write: Write) -> int:
    if isinstance(write, Rows):
        return max(1, len(write.rows))
    return max(1, len(write.labels if isinstance(write, Labels) else write.answers))

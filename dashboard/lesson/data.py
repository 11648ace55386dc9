"""What the Lesson page reads of a simulated model: how often it was right, when alarms came, who served when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import streamlit as st

from dashboard.reading import reads
from drift.board.result import Board
from drift.data.windows import LastRows, RowSpan, TimeSpan
from drift.monitor.boards import timeline
from drift.monitor.labels import outcome_columns, outcome_samples
from drift.performance.agreement import right_or_wrong
from storage.jobs import queue
from storage.jobs.lessons import HISTORY_ROWS

WINDOW = 1_000
STRIDE = 100
ALPHA = 0.05
_CHUNK = 2_000
_BIN_ROWS, _MOST_BINS = 500, 120
_LEAST_LABELS = 50
# No label of the shop takes longer than 14 of its days, which are 5,600 rows.
_UNSETTLED, _SETTLED_AT_ONCE = 6_000, 4_000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Sounded:
    """An alarm: what it is about, and how many rows the log held when it came."""

    stream: str
    row: int


@dataclass(frozen=True)
class Served:
    """A promotion: since the log held how many rows a version serves, and at how many its retrain was asked for."""

    version: str
    row: int
    asked_row: int


@dataclass(frozen=True)
class Accuracy:
    """How often labelled rows up to a row were right."""

    row: int
    share: float
    n: int


@dataclass(frozen=True, eq=False)
class Told:
    """Everything the page says about a simulated model.

    Attributes
    ----------
    right : int8 array, shape (n_rows,)
        1 for a right answer, 0 for a wrong one and -1 without a label, row by row.
    """

    n_rows: int
    board: Board
    right: np.ndarray
    alarms: tuple[Sounded, ...]
    served: tuple[Served, ...]

    def accuracy(self, first: int, last: int | None = None) -> Accuracy:
        """Return how often the labelled rows of a stretch were right."""
        part = self.right[first:last]
        known = part[part >= 0]
        return Accuracy(first + len(part), float(known.mean()) if known.size else np.nan, int(known.size))

    def bins(self) -> tuple[Accuracy, ...]:
        """Return the accuracy stretch by stretch, as far as enough labels have come."""
        width = _BIN_ROWS * max(1, -(-self.n_rows // (_BIN_ROWS * _MOST_BINS)))
        found = (self.accuracy(first, first + width) for first in range(0, self.n_rows, width))
        return tuple(one for one in found if one.n >= _LEAST_LABELS)


@st.cache_data(max_entries=8, show_spinner=False)
def told(model: str, revision: int) -> Told:
    """Return what there is to say of a model as of a revision."""
    log = reads.log()
    reference = log.default_reference(model)
    board = reads.board(model, revision, str(WINDOW), reference.name if reference else None)
    n_rows = log.n_rows(model)
    n_settled = max(0, (n_rows - _UNSETTLED) // _SETTLED_AT_ONCE)
    parts = [_settled(model, k * _SETTLED_AT_ONCE) for k in range(n_settled)]
    right = np.concatenate([*parts, _right(model, n_settled * _SETTLED_AT_ONCE, n_rows)])
    return Told(n_rows, board, right, _alarms(model), _served(model))


@st.cache_data(max_entries=256, ttl=600, show_spinner=False)
def _settled(model: str, first: int) -> np.ndarray:
    """Return which old answers were right: no label is under way to them any more."""
    return _right(model, first, first + _SETTLED_AT_ONCE)


def _right(model: str, first: int, last: int) -> np.ndarray:
    columns = outcome_columns(reads.log(), model)
    if columns is None:  # somebody has logged another model under the name of a simulation
        raise ValueError(f"model must predict and learn classes, as simulated ones do; got {model!r}.")
    prediction, label, _ = outcome_samples(reads.log().read_window(model, RowSpan(first, last), columns))
    wrong = right_or_wrong(prediction, label).codes
    return np.where(wrong < 0, -1, 1 - wrong).astype(np.int8)


def _alarms(model: str) -> tuple[Sounded, ...]:
    """Return the alarms against every reference that the model has had, the first first."""
    log = reads.log()
    found = []
    for reference in log.references(model):
        kept = log.ledger(model, reference.name).read()
        found += [(record.mark.at, record.stream) for record in kept.alarms] if kept else []
    rows = _rows_by(model, [at for at, _ in found])
    return tuple(sorted((Sounded(stream, row) for (_, stream), row in zip(found, rows, strict=True)), key=_row))


def _served(model: str) -> tuple[Served, ...]:
    promoted = [job for job in queue.read_jobs(reads.log(), model) if job.state == "promoted"]
    versions = [str(job.version) for job in promoted]
    rows = _rows_by(model, [job.updated_at for job in promoted])
    asked = _rows_by(model, [job.created_at for job in promoted])
    return tuple(sorted((Served(*one) for one in zip(versions, rows, asked, strict=True)), key=_row))


def _row(one: Sounded | Served) -> int:
    return one.row


def _rows_by(model: str, instants: Sequence[datetime]) -> list[int]:
    """Return how many rows the log held at each instant."""
    log = reads.log()
    first = log.extent(model, LastRows(2**62)).start
    if first is None:
        return [0 for _ in instants]
    spans = [TimeSpan(first, max(at, first) + _TICK) for at in instants]
    return [extent.n for extent in log.extents(model, spans)]


def naive_looks(model: str, n_rows: int, onset: int | None) -> tuple[tuple[int, bool], ...]:
    """Look at every healthy window, one each 100 rows, as a plain test would: does any column have p < .05?

    Returns
    -------
    tuple of (rows when looked, whether it rang)
    """
    healthy = n_rows if onset is None else min(n_rows, onset)
    last = healthy - healthy % STRIDE
    looks: list[tuple[int, bool]] = []
    for first in range(HISTORY_ROWS + WINDOW, last + 1, _CHUNK):
        looks += _looks(model, first, min(first + _CHUNK, last + STRIDE))
    return tuple(looks)


@st.cache_data(max_entries=256, show_spinner=False)
def _looks(model: str, first: int, stop: int) -> list[tuple[int, bool]]:
    """Return the looks from `first` on, before `stop`; a healthy row never changes, so they are kept."""
    log, ends = reads.log(), range(first, stop, STRIDE)
    reference = log.references(model)[0].name
    boards = timeline(log, model, [RowSpan(end - WINDOW, end) for end in ends], reference, reads.POLICY)
    rang = (any(report.p_value < ALPHA for report in board.columns) for board in boards)
    return list(zip(ends, rang, strict=True))

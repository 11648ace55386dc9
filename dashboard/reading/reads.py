"""Every read of the dashboard, cached under the model's revision: what has not changed is not read again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.reading.addresses import read_span, read_window
from dashboard.shown.details import ColumnDetail, column_detail
from drift.board.result import Board
from drift.columns.by_category import compare_parts
from drift.columns.report import ColumnReport
from drift.data.policy import DriftPolicy
from drift.data.samples import reference_from
from drift.data.series import previous, sliding_spans, sliding_windows
from drift.data.windows import Column, LastRows, TimeSpan, Window, WindowExtent
from drift.monitor.boards import PREVIOUS, timeline
from drift.monitor.performance import check_performance
from drift.monitor.references import PreparedReference, prepare, prepared_from, read_each
from drift.monitor.source import monitored
from drift.performance.agreement import Agreement, agreement
from retrain.guards import guarded_board
from storage import PredictionLog, open_log
from storage.database.settings import Settings
from storage.jobs import queue
from storage.jobs.job_rows import Job
from storage.jobs.lessons import read_runs_without_lessons
from storage.jobs.runs import Run, read_runs
from storage.models.registry import read_aliases
from storage.references.frozen import Reference

POLICY = DriftPolicy()
WINDOWS = 24
PAGE_ROWS = 100
_ALL = 2**62


@dataclass(frozen=True)
class History:
    """The newest windows of a log, the last one being the current: their boards and their labelled rows."""

    boards: tuple[Board, ...]
    agreements: tuple[Agreement | None, ...]


def settings() -> Settings:
    """Return what the environment decides."""
    return Settings.from_environment()


def log() -> PredictionLog:
    """Return the prediction log that all sessions share."""
    return _open(settings().database_url)


@st.cache_resource(show_spinner=False)
def _open(url: str) -> PredictionLog:
    return open_log(url)


def models() -> tuple[str, ...]:
    """Return the models that hold rows, the oldest first."""
    return tuple(model for model in log().models() if log().n_rows(model))


def revision(model: str) -> int:
    """Return the number that every cached read of a model is kept under."""
    return log().revision(model)


def runs() -> tuple[Run, ...]:
    """Return imports, demos and simulations, the newest first."""
    return read_runs(log(), limit=10)


def imported() -> tuple[Run, ...]:
    """Return imports and demos, the newest first."""
    return read_runs_without_lessons(log(), limit=10)


def champion(model: str) -> str | None:
    """Return the version that serves, or None where none is registered."""
    found = read_aliases(log(), model).get("champion")
    return found.version if found else None


def active_job(model: str) -> Job | None:
    """Return the retrain job of the model that has not ended."""
    return queue.read_active_job(log(), model)


@st.cache_data(max_entries=64, show_spinner=False)
def references(model: str, revision: int) -> tuple[Reference, ...]:
    """Return the frozen references, the champion's own first."""
    default = log().default_reference(model)
    return tuple(sorted(log().references(model), key=lambda reference: reference != default))


@st.cache_data(max_entries=64, show_spinner=False)
def columns(model: str, revision: int) -> tuple[Column, ...]:
    """Return the columns that a board compares."""
    return monitored(log(), model)


@st.cache_data(max_entries=64, show_spinner=False)
def extent(model: str, revision: int, window: str) -> WindowExtent:
    """Return the rows and the span of a window."""
    return log().extent(model, read_window(window))


def board(model: str, revision: int, window: str, reference: str | None) -> Board:
    """Return the board of a window, with what its labels and the model's retrain jobs say."""
    return guarded_board(log(), _board(model, revision, window, reference), datetime.now(UTC))


# Boards are frozen, so that all sessions share them: nothing is pickled.
@st.cache_resource(max_entries=64, show_spinner=False)
def _board(model: str, revision: int, window: str, reference: str | None) -> Board:
    return check_performance(log(), model, read_window(window), _compared_with(model, reference), POLICY)


@st.cache_resource(max_entries=32, show_spinner="Comparing the windows before this one …")
def history(model: str, revision: int, window: str, reference: str | None) -> History:
    """Return windows as wide as this one, up to it, spread over the log; neighbours overlap by half at most."""
    windows = _windows(model, read_window(window))
    agreements = tuple(_agreement_in(model, before) for before in windows)
    return History(timeline(log(), model, windows, _compared_with(model, reference), POLICY), agreements)


@st.cache_data(max_entries=32, show_spinner=False)
def labelled(model: str, revision: int, window: str) -> Agreement | None:
    """Return how often prediction and label agree in a window; None for a model without both."""
    return _agreement_in(model, read_window(window))


@st.cache_data(max_entries=64, show_spinner=False)
def detail(model: str, revision: int, window: str, reference: str | None, column: str) -> ColumnDetail | None:
    """Return everything about one column, or None where there is nothing to compare with."""
    span = read_window(window)
    compared = columns(model, revision)
    wanted = next(c for c in compared if c.name == column)
    ready = _prepared(model, span, reference, compared, wanted)
    if ready is None or column not in ready.columns:
        return None
    return column_detail(ready.columns[column], log().read_window(model, span, [wanted])[column])


@st.cache_data(max_entries=16, show_spinner="Comparing part by part …")
def parts(
    model: str, revision: int, window: str, reference: str | None, column: str, by: str
) -> tuple[ColumnReport, ...]:
    """Compare a column within each category of another one; none where there is nothing to compare with."""
    span = read_window(window)
    wanted = [next(c for c in log().columns(model) if c.name == name) for name in (column, by)]
    now = log().read_window(model, span, wanted)
    if reference in (None, PREVIOUS) or read_span(reference):
        rows_before = read_span(reference) or previous(span, log().n_rows(model))
        before = log().read_window(model, rows_before, wanted) if rows_before else None
    else:
        before = log().read_reference(model, str(reference), wanted)
    if before is None:
        return ()
    pairs: list[Any] = [(samples[column], samples[by]) for samples in (before, now)]
    return compare_parts(pairs[0], pairs[1], POLICY)


@st.cache_data(max_entries=16, show_spinner=False)
def rows(model: str, revision: int, window: str, page: int) -> pd.DataFrame:
    """Return one page of a window's rows, in time order.

    Parameters
    ----------
    page : from 0, of `PAGE_ROWS` rows each

    Returns
    -------
    DataFrame, shape (at most PAGE_ROWS, columns of the log)
        As `PredictionLog.read_rows` returns it.
    """
    return log().read_rows(model, read_window(window), limit=PAGE_ROWS, offset=page * PAGE_ROWS)


def _compared_with(model: str, reference: str | None) -> str | PreparedReference:
    """Return what boards compare with: a name, or the rows of another window, which no alarm rests on."""
    span = read_span(reference)
    if span is None:
        return reference or PREVIOUS
    compared = monitored(log(), model)
    return prepared_from(str(reference), read_each(lambda some: log().read_window(model, span, some), compared))


@st.cache_data(max_entries=64, show_spinner=False)
def extent_before(model: str, revision: int, window: str) -> WindowExtent:
    """Return the extent of the window before this one, or of this one where none is."""
    current = read_window(window)
    return log().extent(model, previous(current, log().n_rows(model)) or current)


def window_csv(model: str, window: str) -> bytes:
    """Return every row of a window as a CSV file."""
    written = log().read_rows(model, read_window(window)).to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
    return str(written).encode()


@st.cache_data(max_entries=64, show_spinner=False)
def windows(model: str, revision: int, window: str) -> Sequence[Window]:
    """Return windows as wide as this one, up to it, spread over the log."""
    return _windows(model, read_window(window))


def _windows(model: str, window: LastRows | TimeSpan) -> Sequence[Window]:
    if isinstance(window, LastRows):
        n_rows = log().n_rows(model)
        width = min(window.n, n_rows)
        # Half of a window may be in the next one too: on a short log the timeline would else be two points.
        step = max(-(-width // 2), (n_rows - width) // (WINDOWS - 1))
        return sliding_windows(n_rows, WINDOWS, width=width, step=step)
    whole = log().extent(model, LastRows(_ALL))
    if whole.start is None or whole.start >= window.start:
        return [window]
    width_time = window.end - window.start
    step_time = max(width_time / 2, (window.start - whole.start) / (WINDOWS - 1), timedelta(minutes=1))
    return sliding_spans(whole.start, window.end, width=width_time, step=step_time)[-WINDOWS:]


def _outcome_columns(model: str) -> list[Column] | None:
    found = {c.role: c for c in log().columns(model) if c.role in ("prediction", "label")}
    return [found["prediction"], found["label"]] if len(found) == 2 else None


def _agreement_in(model: str, window: Window) -> Agreement | None:
    wanted = _outcome_columns(model)
    if wanted is None:
        return None
    samples = log().read_window(model, window, wanted)
    return agreement(samples[wanted[0].name], samples[wanted[1].name])


def _prepared(
    model: str, window: Window, reference: str | None, compared: Sequence[Column], wanted: Column
) -> PreparedReference | None:
    before: Window | None = read_span(reference)
    if before is None and reference not in (None, PREVIOUS):
        return prepare(log(), model, reference, compared)
    before = before or previous(window, log().n_rows(model))
    if before is None:
        return None
    samples = log().read_window(model, before, [wanted])
    return PreparedReference(PREVIOUS, {name: reference_from(sample) for name, sample in samples.items()})

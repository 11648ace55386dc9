"""One window of a model's log against a reference: the board, for every front end alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drift.columns import ColumnReport, compare_columns
from drift.distribution import Distribution, distribution
from drift.headline import board_verdict, headline, headline_since
from drift.policy import DriftPolicy, Verdict
from drift.prepared import PreparedReference, prepare, prepared_from, read_each
from drift.sliding import previous, sliding_spans, sliding_windows
from drift.source import FrozenReference, Source
from drift.windows import Column, Window, WindowExtent

__all__ = [
    "PREVIOUS",
    "Board",
    "Distribution",
    "FrozenReference",
    "PreparedReference",
    "Source",
    "begun_after",
    "board_json",
    "check",
    "distribution",
    "drifting_since",
    "monitored",
    "onset",
    "prepare",
    "previous",
    "sliding_spans",
    "sliding_windows",
    "timeline",
]

PREVIOUS = "previous"
DEFAULT_POLICY = DriftPolicy()
_IN_JSON = (
    *("column", "kind", "test", "n", "statistic", "p_value", "log10_p", "adjusted_p_value", "effect_size"),
    *("missing_share", "unseen_share", "betting_score", "verdict", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class Board:
    """All columns of a model for one window, the worst first, and what they amount to."""

    model: str
    verdict: Verdict
    sentence: str
    n: int
    window: WindowExtent
    reference: str
    columns: tuple[ColumnReport, ...]


def check(
    source: Source,
    model: str,
    window: Window,
    reference: str | PreparedReference | None = None,
    policy: DriftPolicy = DEFAULT_POLICY,
) -> Board:
    """Compare a window of a model's log with a reference, column by column.

    Features, predictions and scores are compared. Labels are not: late ones would look like missing ones.

    Parameters
    ----------
    reference : name of a frozen reference, "previous" for the window before this one, or a prepared one
        Default: the model's first frozen reference.

    Returns
    -------
    Board
        With the verdict `insufficient` where the window, or the reference, holds too few rows.

    Raises
    ------
    ValueError
        If the model or the reference is unknown.
    """
    columns = monitored(source, model)
    extent = source.extent(model, window)
    if isinstance(reference, PreparedReference):
        ready: PreparedReference | None = reference
    else:
        ready = _reference(source, model, window, reference, columns)
    if ready is None:
        before = reference == PREVIOUS
        said = "no rows come before this window" if before else "no reference is frozen yet"
        return _board(model, extent, PREVIOUS if before else "", (), f"Not enough data: {said}.")
    samples = read_each(lambda some: source.read_window(model, window, some), columns)
    reports = compare_columns(columns, ready.columns, {**samples, **ready.failed}, policy)
    return _board(model, extent, ready.name, reports, headline(reports, extent.n, policy))


def timeline(
    source: Source,
    model: str,
    windows: Sequence[Window],
    reference: str | PreparedReference | None = None,
    policy: DriftPolicy = DEFAULT_POLICY,
) -> tuple[Board, ...]:
    """Return the board of every window, in the order given; a frozen reference is read once."""
    return tuple(check(source, model, window, reference, policy) for window in windows)


def monitored(source: Source, model: str) -> tuple[Column, ...]:
    """Return the columns that a board compares: features, prediction and score."""
    return tuple(column for column in source.columns(model) if column.role != "label")


def onset(boards: Sequence[Board]) -> tuple[datetime, str] | None:
    """Return since when the newest windows drift, and the sentence that says so; None if the newest does not.

    Parameters
    ----------
    boards : a timeline, the oldest window first
        Windows with too little data neither end a drift nor count for it.
    """
    found = drifting_since([(board.window, board.verdict) for board in boards])
    if found is None:
        return None
    since, n_windows = found
    told = [board.columns for board in boards if board.verdict != "insufficient"]
    return since, headline_since(told[-n_windows:], since, may_be_older=n_windows == len(told))


def begun_after(boards: Sequence[Board], end: datetime | None) -> list[Board]:
    """Return the boards whose windows begin at or after the end of a reference: no drift begins inside it."""
    return [board for board in boards if end is None or (board.window.start is not None and board.window.start >= end)]


def drifting_since(windows: Sequence[tuple[WindowExtent, Verdict]]) -> tuple[datetime, int] | None:
    """Return since when the newest windows drift and how many of them do; None if the newest does not.

    Where windows overlap, only the rows that the last healthy one did not hold can have brought the drift.

    Parameters
    ----------
    windows : extents and verdicts, the oldest first
        Windows with too little data neither end a drift nor count for it.
    """
    since: datetime | None = None
    n_drifting = 0
    for extent, verdict in reversed([window for window in windows if window[1] != "insufficient"]):
        if verdict != "drift":
            return (max(since, extent.end or since), n_drifting) if since else None
        since, n_drifting = extent.start, n_drifting + 1
    return (since, n_drifting) if since else None


def board_json(board: Board) -> dict[str, Any]:
    """Return a board as the machine-readable answer of `drift check --json`; what is not a number is null."""
    instants = {"start": board.window.start, "end": board.window.end}
    return {
        "model": board.model,
        "verdict": board.verdict,
        "sentence": board.sentence,
        "n": board.n,
        "window": {name: instant.isoformat() if instant else None for name, instant in instants.items()},
        "columns": [{name: _or_null(getattr(report, name)) for name in _IN_JSON} for report in board.columns],
    }


def _or_null(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _board(model: str, extent: WindowExtent, reference: str, reports: tuple[ColumnReport, ...], said: str) -> Board:
    return Board(
        model=model,
        verdict=board_verdict(reports),
        sentence=said,
        n=extent.n,
        window=extent,
        reference=reference,
        columns=reports,
    )


def _reference(
    source: Source, model: str, window: Window, name: str | None, columns: Sequence[Column]
) -> PreparedReference | None:
    if name == PREVIOUS:
        before = previous(window, source.n_rows(model))
        if before is None:
            return None
        return prepared_from(PREVIOUS, read_each(lambda some: source.read_window(model, before, some), columns))
    if name is None:
        frozen = source.references(model)
        if not frozen:
            return None
        name = frozen[0].name
    return prepare(source, model, name, columns)

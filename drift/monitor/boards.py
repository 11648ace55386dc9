"""One window of a model's log against a reference: the board, for every front end alike."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drift.board.headline import first_alarmed, headline_since
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.columns.verdicts import Standings, report_windows
from drift.data.policy import DEFAULT_POLICY, DriftPolicy, Verdict
from drift.data.series import previous
from drift.data.windows import Column, TimeSpan, Window, WindowExtent
from drift.life.latch import standings
from drift.monitor.comparison import compare_windows
from drift.monitor.references import PreparedReference, prepare, prepared_from, read_each
from drift.monitor.source import Source, extent_of, monitored
from drift.monitor.watch import Watching, watch

PREVIOUS = "previous"


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
        Default: the reference that belongs to the model's champion, else the first one frozen.

    Returns
    -------
    Board
        With the verdict `insufficient` where the window, or the reference, holds too few rows.

    Raises
    ------
    ValueError
        If the model or the reference is unknown.
    """
    return timeline(source, model, [window], reference, policy)[0]


def timeline(
    source: Source,
    model: str,
    windows: Sequence[Window],
    reference: str | PreparedReference | None = None,
    policy: DriftPolicy = DEFAULT_POLICY,
) -> tuple[Board, ...]:
    """Return the board of every window, in the order given; a frozen reference is read once."""
    columns = monitored(source, model)
    if reference == PREVIOUS:
        return tuple(_against_previous(source, model, window, columns, policy) for window in windows)
    ready = reference if isinstance(reference, PreparedReference) else _frozen(source, model, reference, columns)
    if ready is None:
        why_not = "no reference is frozen yet"
        return tuple(_board(model, extent, "", (), policy, why_not) for extent in source.extents(model, windows))
    return _boards(source, model, windows, ready, columns, policy)


def _boards(
    source: Source,
    model: str,
    windows: Sequence[Window],
    ready: PreparedReference,
    columns: Sequence[Column],
    policy: DriftPolicy,
) -> tuple[Board, ...]:
    frozen = next((record for record in source.references(model) if record.name == ready.name), None)
    extents, compared = compare_windows(source, model, windows, ready, columns, policy, may_count=frozen is not None)
    watching = watch(source, model, ready, columns) if frozen else None
    standing: Sequence[Standings] = [None] * len(extents)
    if watching and frozen:
        standing = standings(watching.kept, TimeSpan(frozen.start, frozen.end), extents, columns)
    reports = report_windows(columns, compared, policy, standing)
    boards = []
    for extent, reported, stand in zip(extents, reports, standing, strict=True):
        life = _life(watching, extent) if watching and stand is not None else {}
        boards.append(_board(model, extent, ready.name, reported, policy, **life))
    return tuple(boards)


def _life(watching: Watching, extent: WindowExtent) -> dict[str, Any]:
    """Return what a board says beside its columns where alarms are latched."""
    sounded = [record for record in watching.kept.alarms if extent.end and record.mark.at < extent.end]
    return {"rule": "life", "honesty": watching.honesty, "alarms": tuple(sounded)}


def _against_previous(
    source: Source, model: str, window: Window, columns: Sequence[Column], policy: DriftPolicy
) -> Board:
    before = previous(window, source.n_rows(model))
    if before is None:
        extent = extent_of(source, model, window)
        return _board(model, extent, PREVIOUS, (), policy, "no rows come before this window")
    ready = prepared_from(PREVIOUS, read_each(lambda some: source.read_window(model, before, some), columns))
    return _boards(source, model, [window], ready, columns, policy)[0]


def onset(boards: Sequence[Board]) -> tuple[datetime, str] | None:
    """Return since when the newest windows drift, and the sentence that says so; None if the newest does not.

    Parameters
    ----------
    boards : a timeline, the oldest window first
        Windows with too little data neither end a drift nor count for it. Where alarms tell since when, they decide.
    """
    found = drifting_since([(board.window, board.verdict) for board in boards])
    if found is None:
        return None
    since, n_windows = found
    told = [board.columns for board in boards if board.verdict != "insufficient"][-n_windows:]
    if alarmed := first_alarmed([report for report in told[-1] if report.verdict == "drift"]):
        return alarmed[0], headline_since(told, alarmed[0])
    older = n_windows == sum(board.verdict != "insufficient" for board in boards)
    return since, headline_since(told, since, may_be_older=older)


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


def _board(
    model: str,
    extent: WindowExtent,
    reference: str,
    reports: tuple[ColumnReport, ...],
    policy: DriftPolicy,
    why_not: str = "",
    **life: Any,
) -> Board:
    return Board(
        model=model,
        n=extent.n,
        window=extent,
        reference=reference,
        columns=reports,
        policy=policy,
        why_not=why_not,
        **life,
    )


def _frozen(source: Source, model: str, name: str | None, columns: Sequence[Column]) -> PreparedReference | None:
    if name is None:
        frozen = source.default_reference(model)
        if frozen is None:
            return None
        name = frozen.name
    return prepare(source, model, name, columns)

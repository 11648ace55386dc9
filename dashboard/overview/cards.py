"""The six numbers above the column table: pure functions from boards to cards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from dashboard.shown.badges import BADGES, Colour, p_cell
from drift.board.headline import board_verdict
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.performance.agreement import Agreement
from drift.wording import share_text


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number, what it means, and how it came to be."""

    label: str
    value: str
    note: str
    colour: Colour
    series: tuple[float, ...]
    shape: Literal["line", "bar", "area"] = "line"
    help: str = ""


def cards(board: Board, boards: Sequence[Board], agreements: Sequence[Agreement | None]) -> tuple[Card, ...]:
    """Return the cards of a board, with the windows before it as sparklines."""
    return (
        _rows(board, boards),
        _drifted(board, boards),
        _worst(board, boards),
        _prediction(board, boards),
        _accuracy(agreements),
        _missing(board, boards),
    )


def _rows(board: Board, boards: Sequence[Board]) -> Card:
    rates = tuple(_rows_per_day(before) for before in boards)
    now = _rows_per_day(board)
    note = f"{now / 24:,.0f} an hour" if now >= 48 else f"{now:,.1f} a day"
    said = "The bars show how many rows came per day in each of the windows before this one, and in it."
    value = f"{board.n:,}"
    return Card(label="Rows in window", value=value, note=note, colour="gray", series=rates, shape="bar", help=said)


def _rows_per_day(board: Board) -> float:
    if board.window.start is None or board.window.end is None:
        return 0.0
    return board.n / ((board.window.end - board.window.start) / timedelta(days=1))


def _drifted(board: Board, boards: Sequence[Board]) -> Card:
    counts = [sum(report.verdict == "drift" for report in before.columns) for before in (*boards, board)]
    n_warned = sum(report.verdict == "warning" for report in board.columns)
    n_failed = sum(report.verdict == "error" for report in board.columns)
    warned = f"{n_warned} on warning" if n_warned else "none on warning"
    return Card(
        label="Drifted columns",
        value=f"{counts[-1]} of {len(board.columns)}",
        note=f"{warned}, {n_failed} failed" if n_failed else warned,
        colour=BADGES[board_verdict(board.columns)].colour,
        series=tuple(float(count) for count in counts[:-1]),
        shape="area",
    )


def _worst(board: Board, boards: Sequence[Board]) -> Card:
    worst = max((r for r in board.columns if r.effect_size == r.effect_size), key=_effect, default=None)
    if worst is None:
        return Card(label="Worst effect", value="–", note="nothing tested", colour="gray", series=())
    over_time = tuple(max((_effect(r) for r in before.columns), default=0.0) for before in boards)
    measure = "KS distance" if worst.test == "ks" else "traffic moved"
    return Card(
        label=f"Worst effect ({measure})",
        value=f"{worst.effect_size:.2f}",
        note=worst.column,
        colour=BADGES[worst.verdict].colour,
        series=over_time,
        help="0 to 1, free of sample size: the KS distance, or the share of traffic that moved between categories.",
    )


def _prediction(board: Board, boards: Sequence[Board]) -> Card:
    report = _of_role(board, "prediction")
    if report is None:
        return Card(label="Prediction p", value="–", note="no prediction logged", colour="gray", series=())
    # Logarithms: on a plain axis every small p-value is the same zero.
    found = [found.log10_p for before in boards if (found := _of_role(before, "prediction"))]
    series = tuple(max(log10_p, -30.0) for log10_p in found if log10_p == log10_p)
    return Card(
        label="Prediction p (log)",
        value=p_cell(report.p_value),
        note=f"effect {report.effect_size:.3f}" if report.effect_size == report.effect_size else "too few rows",
        colour=BADGES[report.verdict].colour,
        series=series,
        help=f"Test of the predicted classes, n = {report.n:,}. The sparkline shows its order of magnitude.",
    )


def _accuracy(agreements: Sequence[Agreement | None]) -> Card:
    now = agreements[-1] if agreements else None
    if now is None:
        return Card(label="Accuracy (labelled)", value="–", note="no predictions with labels", colour="gray", series=())
    series = tuple(before.share for before in agreements if before is not None and before.n)
    return Card(
        label="Accuracy (labelled)",
        value=f"{now.share:.1%}" if now.n else "–",
        note=f"n = {now.n:,} of {now.n_rows:,} rows",
        colour="gray",
        series=series,
        help="Share of right predictions on those rows of the window whose true label has come.",
    )


def _missing(board: Board, boards: Sequence[Board]) -> Card:
    shares = [_missing_share(before) for before in (*boards, board)]
    changed = [report for report in board.columns if report.missing_verdict in ("drift", "warning")]
    unchanged = "as in the reference" if _is_judged(board) else "not compared" if board.n else "no rows"
    return Card(
        label="Missing values",
        value=share_text(shares[-1]) if board.n else "–",
        note=f"changed in {len(changed)} column{'s' if len(changed) > 1 else ''}" if changed else unchanged,
        colour="orange" if changed else "gray",
        series=tuple(shares[:-1]),
    )


def _is_judged(board: Board) -> bool:
    """Tell whether any column had data enough for a verdict: else nothing is green."""
    return any(report.verdict not in ("insufficient", "error") for report in board.columns)


def _missing_share(board: Board) -> float:
    shares = [report.missing_share for report in board.columns if report.missing_share == report.missing_share]
    return sum(shares) / len(shares) if shares else 0.0


def _of_role(board: Board, role: str) -> ColumnReport | None:
    return next((report for report in board.columns if report.role == role), None)


def _effect(report: ColumnReport) -> float:
    return report.effect_size if report.effect_size == report.effect_size else 0.0

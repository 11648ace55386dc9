"""Boards as text: what a terminal shows."""

from collections.abc import Sequence

from drift.board.result import Board
from drift.life.ledger import Honesty
from drift.performance.report import performance_lines
from drift.text.report import TextReport
from drift.wording import LARGE_PHI, bounded_text, honesty_line, p_text, share_text

_BOARD = ("verdict", "column", "effect", "test", "statistic", "p", "adjusted p", "missing", "unseen", "reason")
_REPLAY = ("column", "phi", "independent", "lives with a false alarm")
_TIMELINE = ("from", "to", "rows", "verdict", "drifted", "moved most", "effect")


def board_table(board: Board) -> str:
    """Return a board as text: what it comes to, what was compared, and a line per column.

    Examples
    --------
    >>> from drift.data.windows import WindowExtent
    >>> board = Board(model="m", n=0, window=WindowExtent(0, None, None), reference="training", columns=())
    >>> print(board_table(board))
    Not enough data: 0 of 50 rows.
    Wait for more rows. A verdict needs more data than this window holds.
    0 rows against reference 'training'.
    """
    span = f", {_span(board)}" if board.window.start else ""
    against = f"{',' if span else ''} against reference '{board.reference}'" if board.reference else ""
    lines = [*board.conclusion.lines, f"{board.n:,} rows{span}{against}."]
    lines += performance_lines(board.performance)
    if board.honesty:
        lines.append(honesty_line(board.honesty))
    rows = [
        (
            report.verdict,
            report.column,
            _number(report.effect_size, ".3f"),
            report.test,
            bounded_text(report.statistic, report.statistic_bound) if report.statistic == report.statistic else "-",
            _p(report.p_value),
            _p(report.adjusted_p_value),
            _share(report.missing_share),
            _share(report.unseen_share),
            report.reason,
        )
        for report in board.columns
    ]
    return "\n".join([*lines, "", *aligned(_BOARD, rows)] if rows else lines)


def timeline_table(boards: Sequence[Board]) -> str:
    """Return a line per window, the oldest first."""
    rows = []
    for board in boards:
        drifted = sum(report.verdict == "drift" for report in board.columns)
        most = max(board.columns, key=lambda report: report.largest_effect, default=None)
        edges = [f"{at:%Y-%m-%d %H:%M}" if at else "-" for at in (board.window.start, board.window.end)]
        moved = (
            (most.column, f"{most.largest_effect:.3f}") if most and board.verdict in ("drift", "warning") else ("", "")
        )
        rows.append((*edges, f"{board.n:,}", board.verdict, f"{drifted} of {len(board.columns)}", *moved))
    return "\n".join(aligned(_TIMELINE, rows))


def replay_table(honesty: Honesty) -> str:
    """Return what a replay of the reference heard: the honesty line, and a line per column."""
    lines = [honesty_line(honesty)]
    if replay := honesty.replay:
        rows = [
            (
                name,
                f"{honesty.phi[name]:.2f}",
                "no" if honesty.phi[name] > LARGE_PHI else "yes",
                f"{n} of {replay.n_lives}",
            )
            for name, n in sorted(replay.alarms.items(), key=lambda item: (-item[1], item[0]))
        ]
        lines += ["", *aligned(_REPLAY, rows)]
    return "\n".join(lines)


def words_text(found: TextReport) -> str:
    """Return what is new in the texts: the sentences, and a line per new word."""
    rows = [(new.word, f"{new.n_texts:,}", share_text(new.text_share)) for new in found.words.top]
    return "\n".join([found.said, *(["", *aligned(("new word", "texts", "share"), rows)] if rows else [])])


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines, every column as wide as its widest cell.

    Examples
    --------
    >>> aligned(("name", "n"), [("age", "1,000")])
    ['name  n', 'age   1,000']
    """
    lines = [head, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _span(board: Board) -> str:
    start, end = board.window.start, board.window.end
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M %Z}"


def _number(value: float, form: str) -> str:
    return format(value, form) if value == value else "-"


def _p(value: float) -> str:
    return p_text(value) if value == value else "-"


def _share(value: float) -> str:
    return share_text(value) if value == value else "-"

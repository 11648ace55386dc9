"""A board: everything about one window of a model against a reference, for people and for machines."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from drift.columns import ColumnReport
from drift.ledger import AlarmRecord, Honesty
from drift.performance_report import PerformanceReport, performance_json
from drift.policy import Verdict
from drift.windows import WindowExtent

Rule = Literal["life", "one look"]
_IN_JSON = (
    *("column", "kind", "test", "n", "statistic", "statistic_bound", "p_value", "log10_p", "adjusted_p_value"),
    "effect_size",
    *("missing_share", "unseen_share", "betting_score", "verdict", "reason"),
)


@dataclass(frozen=True, kw_only=True)
class Board:
    """All columns of a model for one window, the worst first, and what they amount to.

    Against a frozen reference the `rule` is that of a `life`: alarms decide, and `alarms` holds all that had sounded by
    the window's end, answered ones too. Other comparisons are `one look`: adjusted p-values decide.
    """

    model: str
    verdict: Verdict
    sentence: str
    n: int
    window: WindowExtent
    reference: str
    columns: tuple[ColumnReport, ...]
    rule: Rule = "one look"
    honesty: Honesty | None = None
    alarms: tuple[AlarmRecord, ...] = ()
    performance: PerformanceReport | None = None


def board_json(board: Board) -> dict[str, Any]:
    """Return a board as the machine-readable answer of `drift check --json`; what is not a number is null."""
    instants = {"start": board.window.start, "end": board.window.end}
    return {
        "model": board.model,
        "verdict": board.verdict,
        "sentence": board.sentence,
        "n": board.n,
        "window": {name: _iso(instant) for name, instant in instants.items()},
        "columns": [_column_json(report) for report in board.columns],
        "rule": board.rule,
        "honesty": honesty_json(board.honesty) if board.honesty else None,
        "alarms": [alarm_json(record) for record in board.alarms],
        "performance": performance_json(board.performance),
    }


def alarm_json(record: AlarmRecord) -> dict[str, Any]:
    """Return an alarm and what people said of it."""
    sounded, answer, snooze = record.alarm, record.acknowledged, record.snoozed
    return {
        "column": record.stream,
        "at": _iso(record.mark.at),
        "row": sounded.row,
        "onset_at": _iso(record.onset_at),
        "onset_row": sounded.onset,
        "trigger": sounded.trigger,
        "bet": sounded.bet,
        "betting_score": sounded.score,
        "life_p": sounded.life_p,
        "acknowledged": answer and {"at": _iso(answer.at), "by": answer.by, "kind": answer.kind, "note": answer.note},
        "snoozed": snooze and {"until": _iso(snooze.until), "by": snooze.by, "note": snooze.note},
    }


def honesty_json(honesty: Honesty) -> dict[str, Any]:
    """Return what the badges rest on."""
    return {
        "alpha": honesty.alpha,
        "horizon": honesty.horizon,
        "n_streams": honesty.n_streams,
        "phi": dict(honesty.phi),
        "replay": asdict(honesty.replay) if honesty.replay else None,
    }


def _column_json(report: ColumnReport) -> dict[str, Any]:
    said = {name: _or_null(getattr(report, name)) for name in _IN_JSON}
    moved = [asdict(mover) for mover in report.movers]
    return said | {"movers": moved, "alarm": alarm_json(report.alarm) if report.alarm else None}


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _or_null(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value

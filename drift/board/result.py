"""A board: everything about one window of a model against a reference, for people and for machines."""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from drift.board.advice import Advice
from drift.board.findings import Guards, Rule
from drift.board.verdict import Conclusion, conclude, conclusion_json
from drift.columns.report import ColumnReport
from drift.data.policy import DEFAULT_POLICY, DriftPolicy, Verdict
from drift.data.windows import WindowExtent
from drift.life.ledger import AlarmRecord, Honesty
from drift.performance.report import PerformanceReport, performance_json

_IN_JSON = (
    *("column", "kind", "test", "n", "statistic", "statistic_bound", "p_value", "log10_p", "adjusted_p_value"),
    "effect_size",
    *("missing_share", "unseen_share", "betting_score", "verdict", "reason"),
)
_NOTHING_KNOWN = Guards()


@dataclass(frozen=True, kw_only=True)
class Board:
    """All that was found of a model in one window, its columns the worst first, and what it comes to.

    Against a frozen reference the `rule` is that of a `life`: alarms decide, and `alarms` holds all that had sounded by
    the window's end, answered ones too. Other comparisons are `one look`: adjusted p-values decide. `why_not` says why
    there was nothing to compare with. The `conclusion` follows from the rest, so that no two boards of the same
    findings differ in their words: whoever adds a finding makes another board of it.
    """

    model: str
    n: int
    window: WindowExtent
    reference: str
    columns: tuple[ColumnReport, ...]
    rule: Rule = "one look"
    policy: DriftPolicy = DEFAULT_POLICY
    honesty: Honesty | None = None
    alarms: tuple[AlarmRecord, ...] = ()
    performance: PerformanceReport | None = None
    why_not: str = ""
    guards: Guards = _NOTHING_KNOWN

    @cached_property
    def conclusion(self) -> Conclusion:
        """The verdict, the sentence and the advice."""
        return conclude(self)

    @property
    def verdict(self) -> Verdict:
        """How bad it is."""
        return self.conclusion.verdict

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        return self.conclusion.sentence

    @property
    def advice(self) -> Advice:
        """What to do about it."""
        return self.conclusion.advice


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
        **conclusion_json(board.conclusion),
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

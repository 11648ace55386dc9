"""Triggers: a retrain when the advice has asked for it long enough, or when enough new labels have come."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from drift.board.advice import Action
from drift.board.result import Board
from drift.board.verdict import conclusion_json
from drift.data.policy import DEFAULT_POLICY
from drift.data.windows import LastRows, TimeSpan
from drift.monitor.performance import check_performance
from drift.monitor.source import extent_of
from retrain.guards import guarded_board, strange_names
from retrain.params import RetrainParams
from storage.jobs import triggers
from storage.jobs.firings import Firing, Mode
from storage.jobs.triggers import Kind, TriggerRule
from storage.log import PredictionLog
from storage.references.labelled import count_labels

_ASK_FOR_A_RETRAIN = ("retrain", "emergency")


@dataclass(frozen=True, kw_only=True)
class TriggerSettings:
    """What a trigger watches for.

    Attributes
    ----------
    actions : advised actions that count (`drift`)
    checks : so many looks in a row must advise them; no two of them share a row (`drift`)
    window_rows : the newest rows that a look compares, and how many must come before the next one counts (`drift`)
    n_labels : so many labelled rows more than at the last firing (`labels`)
    every_minutes : how often it looks
    pause_hours : for so long after firing it does not fire again
    """

    actions: tuple[str, ...] = _ASK_FOR_A_RETRAIN
    checks: int = 2
    window_rows: int = 5_000
    n_labels: int = 1_000
    every_minutes: float = 10.0
    pause_hours: float = 24.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", tuple(self.actions))
        if not self.actions or not set(self.actions) <= set(get_args(Action)):
            raise ValueError(f"actions must be of {', '.join(get_args(Action))}; got {', '.join(self.actions)!r}.")
        for name, least in {
            "checks": 1,
            "window_rows": 50,
            "n_labels": 1,
            "every_minutes": 0,
            "pause_hours": 0,
        }.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "TriggerSettings":
        """Read what a trigger's row holds; what this release does not know is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class Seen:
    """What one look came to: what to remember, the sentence for people, and the job to start, if any."""

    memory: Mapping[str, Any]
    said: str
    firing: Firing | None = None


def add(
    log: PredictionLog,
    model: str,
    kind: Kind,
    mode: Mode,
    *,
    by: str,
    settings: TriggerSettings | None = None,
    params: Mapping[str, Any] | None = None,
) -> int:
    """Let a job be proposed or started on what is watched; return the trigger's number.

    Raises
    ------
    ValueError
        If the kind, the mode, a parameter or the model is none.
    """
    for name, value, known in (("kind", kind, get_args(Kind)), ("mode", mode, get_args(Mode))):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}.")
    RetrainParams.from_mapping(params)
    kept = asdict(settings or TriggerSettings())
    return triggers.add_trigger(log, model, kind=kind, mode=mode, settings=kept, by=by, params=dict(params or {}))


def look(log: PredictionLog) -> list[str]:
    """Look at every trigger that is due, and start or propose what it asks for; return what came of it."""
    said = []
    for trigger in triggers.read_due_triggers(log):
        settings, at = TriggerSettings.from_mapping(trigger.settings), datetime.now(UTC)
        if not triggers.take(log, trigger, at + timedelta(minutes=settings.every_minutes)):
            continue
        try:
            seen = _LOOKS[trigger.kind](log, trigger, settings, at)
        except Exception as error:  # one trigger that cannot look must not stop the others; people read why
            seen = Seen(
                trigger.memory or {}, f"{at:%Y-%m-%d %H:%M} UTC: the look failed: {type(error).__name__}: {error}"
            )
        said.append(
            f"trigger {trigger.id}: {triggers.conclude(log, trigger, seen.memory, seen.said, firing=seen.firing)}"
        )
    return said


def _look_at_drift(log: PredictionLog, trigger: TriggerRule, settings: TriggerSettings, at: datetime) -> Seen:
    memory, revision = dict(trigger.memory or {}), log.revision(trigger.model)
    if memory.get("revision") == revision:
        return Seen(memory, trigger.last_result or "nothing new to look at")
    memory["revision"] = revision
    held = _held_against(log, trigger.model, memory)
    if held and (n := _rows_since(log, trigger.model, memory["until"])) < settings.window_rows:
        rows = f"{n:,} of {settings.window_rows:,} rows have come since the last look"
        return Seen(memory, f"{at:%Y-%m-%d %H:%M} UTC: {rows} ({held} of {settings.checks} looks in a row).")
    board = _board(log, trigger, settings, at)
    found = board.advice
    held = held + 1 if found.action in settings.actions else 0
    since = memory.get("since") if held > 1 else at.isoformat() if held else None
    until = board.window.end.isoformat() if held and board.window.end else None
    memory |= {"held": held, "since": since, "until": until, "reference": board.reference}
    advised = f"{at:%Y-%m-%d %H:%M} UTC: {found.title} ({held} of {settings.checks} looks in a row). {found.evidence}"
    if held < settings.checks:
        return Seen(memory, advised)
    if _pauses(memory, settings, at):
        return Seen(memory, f"{advised} It has fired within {settings.pause_hours:g} hours already.")
    if found.guard and trigger.mode == "start":
        return Seen(memory, f"{advised} Not now: {found.not_now}.")
    # Nothing starts by itself without labels that show a loss: a person may still see a reason.
    starts = trigger.mode == "start" and found.starts_retrain
    seen = {"action": found.action, "looks": held, "since": since, "said": found.evidence}
    firing = Firing(
        reason=f"{found.title}: {found.evidence}",
        trigger="performance" if found.lost_accuracy else "drift",
        mode="start" if starts else "propose",
        evidence=seen | conclusion_json(board.conclusion),
        memory=memory | {"held": 0, "since": None, "until": None, "fired_at": at.isoformat()},
    )
    return Seen(memory, advised, firing)


def _look_at_labels(log: PredictionLog, trigger: TriggerRule, settings: TriggerSettings, at: datetime) -> Seen:
    memory, total = dict(trigger.memory or {}), sum(count_labels(log, trigger.model).values())
    # Retention may have removed rows since.
    known = min(memory.get("n_labels", total), total)
    memory["n_labels"] = known
    new = total - known
    said = f"{at:%Y-%m-%d %H:%M} UTC: {new:,} of {settings.n_labels:,} new labelled rows"
    if new < settings.n_labels or _pauses(memory, settings, at):
        return Seen(memory, said)
    if strange := strange_names(log, trigger.model):
        return Seen(memory, f"{said}. {strange}")
    firing = Firing(
        reason=f"{new:,} new labelled rows have come.",
        trigger="continuous",
        mode=trigger.mode,
        evidence={"n_new": new, "n_labels": total},
        memory=memory | {"n_labels": total, "fired_at": at.isoformat()},
    )
    return Seen(memory, said, firing)


_LOOKS = {"drift": _look_at_drift, "labels": _look_at_labels}


def _held_against(log: PredictionLog, model: str, memory: Mapping[str, Any]) -> int:
    """Return how many looks in a row held so far against today's reference; those at an earlier one do not count."""
    reference = log.default_reference(model)
    # A trigger of an earlier release did not note until when its looks went: it begins again.
    known = memory.get("until") is not None and reference is not None and memory.get("reference") == reference.name
    return int(memory.get("held", 0)) if known else 0


def _rows_since(log: PredictionLog, model: str, until: str) -> int:
    """Count the rows that no look in a row has seen."""
    rest = TimeSpan(datetime.fromisoformat(until), datetime.max.replace(tzinfo=UTC))
    return extent_of(log, model, rest).n


def _board(log: PredictionLog, trigger: TriggerRule, settings: TriggerSettings, at: datetime) -> Board:
    model = trigger.model
    reference = log.default_reference(model)
    n_rows = settings.window_rows
    if reference is not None:
        # Rows up to the end of the reference are no evidence: the champion before this one may have answered them.
        n_rows = max(log.stream(model, reference.name).n_after(None, n_rows), 1)
    window = LastRows(n_rows)
    board = check_performance(log, model, window, reference.name if reference else None, DEFAULT_POLICY)
    return guarded_board(log, board, at, trigger.params)


def _pauses(memory: Mapping[str, Any], settings: TriggerSettings, at: datetime) -> bool:
    fired = memory.get("fired_at")
    return fired is not None and at - datetime.fromisoformat(fired) < timedelta(hours=settings.pause_hours)

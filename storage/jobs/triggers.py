"""Triggers: retrain jobs on drift or new labels, proposed or started."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.jobs.firings import Firing, Mode, add_rule, claim, read_due_rules, read_rules, remember, start_job

Kind = Literal["drift", "labels"]


@dataclass(frozen=True)
class TriggerRule:
    """A job on what is watched: `settings` says for what and how long, `memory` what was seen so far."""

    id: int
    model: str
    kind: Kind
    mode: Mode
    settings: Mapping[str, Any]
    params: Mapping[str, Any] | None
    enabled: bool
    memory: Mapping[str, Any] | None
    next_at: datetime
    last_result: str | None
    created_by: str
    created_at: datetime


def add_trigger(
    database: Database,
    model: str,
    *,
    kind: Kind,
    mode: Mode,
    settings: Mapping[str, Any],
    by: str,
    params: Mapping[str, Any] | None = None,
) -> int:
    """Add a trigger, which is looked at as soon as a worker can; return its number."""
    values = {"model": model, "kind": kind, "mode": mode, "settings": dict(settings), "params": params}
    return add_rule(database, "trigger", values, by, {})


def read_triggers(database: Database, model: str | None = None) -> tuple[TriggerRule, ...]:
    """Return the triggers of one model, or of all, the oldest first."""
    return tuple(TriggerRule(**row._mapping) for row in read_rules(database, "trigger", model))


def read_due_triggers(database: Database) -> tuple[TriggerRule, ...]:
    """Return the triggers that are to be looked at."""
    with reading(database.engine) as connection:
        rows = read_due_rules(connection, "trigger", now(connection))
        return tuple(TriggerRule(**row._mapping) for row in rows)


def take(database: Database, trigger: TriggerRule, next_at: datetime) -> bool:
    """Take a look at a trigger for oneself; False if another worker has taken it."""
    with writing(database.engine) as connection:
        return claim(connection, "trigger", trigger, next_at)


def conclude(
    database: Database,
    trigger: TriggerRule,
    memory: Mapping[str, Any],
    said: str,
    *,
    firing: Firing | None = None,
) -> str:
    """Write down what a look at a trigger came to, and start or propose the job that it asks for; return it in words.

    Parameters
    ----------
    memory : what to remember where no job begins
    firing : the job that is to begin; None where none is
    """
    with writing(database.engine) as connection:
        if firing is not None:
            named = replace(firing, evidence={"trigger": trigger.id, **firing.evidence})
            begun, said = start_job(connection, trigger, f"trigger {trigger.id}", named)
            memory = firing.memory if begun else memory
        remember(connection, "trigger", trigger.id, memory=dict(memory), last_result=said)
    return said

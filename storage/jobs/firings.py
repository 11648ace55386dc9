"""What starts retrain jobs by itself: schedules, and triggers on drift or new labels; each firing is a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import retrain_schedule, retrain_trigger
from storage.jobs.job_rows import Open, Trigger
from storage.jobs.queue import start_within
from storage.models.catalogue import read_entry

Kind = Literal["drift", "labels"]
Mode = Literal["propose", "start"]


@dataclass(frozen=True)
class Schedule:
    """A job at the times of a cron expression, by the clock of a time zone."""

    id: int
    model: str
    cron: str
    time_zone: str
    reason: str
    params: Mapping[str, Any] | None
    enabled: bool
    next_at: datetime
    last_result: str | None
    created_by: str
    created_at: datetime


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


@dataclass(frozen=True, kw_only=True)
class Firing:
    """The job that a look asks for; `memory` is what the trigger remembers once it has begun."""

    reason: str
    trigger: Trigger
    mode: Mode
    evidence: Mapping[str, Any]
    memory: Mapping[str, Any] = field(default_factory=dict)


def add_schedule(
    database: Database,
    model: str,
    *,
    cron: str,
    time_zone: str,
    reason: str,
    by: str,
    next_at: datetime,
    params: Mapping[str, Any] | None = None,
) -> int:
    """Add a schedule; return its number. What `retrain.triggers.cron` reads is checked by the caller."""
    values = {"model": model, "cron": cron, "time_zone": time_zone, "reason": reason.strip(), "params": params}
    return _add(database, retrain_schedule, values | {"next_at": next_at}, by, {"reason": reason})


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
    return _add(database, retrain_trigger, values, by, {})


def read_schedules(database: Database, model: str | None = None) -> tuple[Schedule, ...]:
    """Return the schedules of one model, or of all, the oldest first."""
    return tuple(Schedule(**row._mapping) for row in _all(database, retrain_schedule, model))


def read_triggers(database: Database, model: str | None = None) -> tuple[TriggerRule, ...]:
    """Return the triggers of one model, or of all, the oldest first."""
    return tuple(TriggerRule(**row._mapping) for row in _all(database, retrain_trigger, model))


def remove(database: Database, what: Literal["schedule", "trigger"], number: int, by: str) -> None:
    """Take a schedule or trigger away; jobs that it started go on.

    Raises
    ------
    ValueError
        If there is none of that number.
    """
    table = _TABLES[what]
    with writing(database.engine) as connection:
        row = _locked(connection, what, number)
        connection.execute(sa.delete(table).where(table.c.id == number))
        append_audit(connection, by, f"remove {what}", row.model, **_detail(row))


def enable(
    database: Database,
    what: Literal["schedule", "trigger"],
    number: int,
    by: str,
    *,
    on: bool = True,
    next_at: datetime | None = None,
) -> None:
    """Switch a schedule or trigger on or off; what it missed meanwhile does not count.

    Raises
    ------
    ValueError
        If there is none of that number.
    """
    table = _TABLES[what]
    with writing(database.engine) as connection:
        row = _locked(connection, what, number)
        values: dict[str, Any] = {"enabled": on, "next_at": next_at or now(connection)}
        connection.execute(sa.update(table).where(table.c.id == number).values(values))
        append_audit(connection, by, f"{'enable' if on else 'disable'} {what}", row.model, **_detail(row))


def read_due_schedules(database: Database) -> tuple[datetime, tuple[Schedule, ...]]:
    """Return the present instant, and the schedules that are due at it."""
    with reading(database.engine) as connection:
        at = now(connection)
        rows = connection.execute(_due(retrain_schedule, at))
        return at, tuple(Schedule(**row._mapping) for row in rows)


def read_due_triggers(database: Database) -> tuple[TriggerRule, ...]:
    """Return the triggers that are to be looked at."""
    with reading(database.engine) as connection:
        rows = connection.execute(_due(retrain_trigger, now(connection)))
        return tuple(TriggerRule(**row._mapping) for row in rows)


def take(database: Database, trigger: TriggerRule, next_at: datetime) -> bool:
    """Take a look at a trigger for oneself; False if another worker has taken it."""
    with writing(database.engine) as connection:
        return _claim(connection, retrain_trigger, trigger, next_at)


def fire(database: Database, schedule: Schedule, next_at: datetime) -> str | None:
    """Start the job of a schedule that is due, once for all the times it missed; None if another worker has done so.

    Moving the schedule on and starting the job are one transaction: neither is lost, and nothing happens twice.
    """
    with writing(database.engine) as connection:
        if not _claim(connection, retrain_schedule, schedule, next_at):
            return None
        evidence = {"schedule": schedule.id, "due_at": schedule.next_at.isoformat()}
        firing = Firing(reason=schedule.reason, trigger="schedule", mode="start", evidence=evidence)
        _, said = _started(connection, schedule, f"schedule {schedule.id}", firing)
        _remember(connection, retrain_schedule, schedule.id, last_result=said)
        return said


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
            begun, said = _started(connection, trigger, f"trigger {trigger.id}", named)
            memory = firing.memory if begun else memory
        _remember(connection, retrain_trigger, trigger.id, memory=dict(memory), last_result=said)
    return said


def disable_broken(database: Database, schedule: Schedule, why: str) -> None:
    """Switch a schedule off that cannot be read, and say why."""
    with writing(database.engine) as connection:
        _remember(connection, retrain_schedule, schedule.id, enabled=False, last_result=why)


_TABLES = {"schedule": retrain_schedule, "trigger": retrain_trigger}


def _started(connection: sa.Connection, rule: Schedule | TriggerRule, by: str, firing: Firing) -> tuple[bool, str]:
    """Start or propose the job of a rule; return whether it has begun, and what to say of it."""
    state: Open = "proposed" if firing.mode == "propose" else "queued"
    more = {"params": rule.params, "evidence": firing.evidence}
    answer = start_within(connection, rule.model, firing.reason, by, firing.trigger, state=state, **more)
    said = answer.message if answer else "a job ended just now; the next time counts"
    return answer is not None and answer.started, f"{now(connection):%Y-%m-%d %H:%M} UTC: {said}"


def _add(database: Database, table: sa.Table, values: dict[str, Any], by: str, needed: Mapping[str, str]) -> int:
    for name, value in {**needed, "by": by}.items():
        if not value.strip():
            raise ValueError(f"{name} must be given; got nothing.")
    with writing(database.engine) as connection:
        read_entry(connection, values["model"])  # raises if the model is unknown
        at = now(connection)
        row = {"next_at": at, **values, "created_by": by, "created_at": at}
        number: int = connection.execute(sa.insert(table).values(row).returning(table.c.id)).scalar_one()
        shown = {name: value for name, value in values.items() if name not in ("model", "next_at")}
        append_audit(connection, by, f"add {table.name.removeprefix('retrain_')}", values["model"], id=number, **shown)
    return number


def _all(database: Database, table: sa.Table, model: str | None) -> list[sa.Row[Any]]:
    query = sa.select(table).order_by(table.c.id)
    with reading(database.engine) as connection:
        return list(connection.execute(query if model is None else query.where(table.c.model == model)))


def _due(table: sa.Table, at: datetime) -> sa.Select[Any]:
    return sa.select(table).where(table.c.enabled, table.c.next_at <= at).order_by(table.c.next_at, table.c.id)


def _claim(connection: sa.Connection, table: sa.Table, seen: Schedule | TriggerRule, next_at: datetime) -> bool:
    unmoved = (table.c.id == seen.id, table.c.enabled, table.c.next_at == seen.next_at)
    return connection.execute(sa.update(table).where(*unmoved).values(next_at=next_at)).rowcount == 1


def _remember(connection: sa.Connection, table: sa.Table, number: int, **values: Any) -> None:
    connection.execute(sa.update(table).where(table.c.id == number).values(values))


def _locked(connection: sa.Connection, what: str, number: int) -> sa.Row[Any]:
    table = _TABLES[what]
    row = connection.execute(sa.select(table).where(table.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise ValueError(f"{what} must be the number of one that exists; got {number}.")
    return row


def _detail(row: sa.Row[Any]) -> dict[str, Any]:
    names = ("id", "cron", "time_zone", "kind", "mode", "settings")
    return {name: value for name, value in row._mapping.items() if name in names}

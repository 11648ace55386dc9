"""Schedules: retrain jobs at the times of a cron expression."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.jobs.firings import Firing, add_rule, claim, read_due_rules, read_rules, remember, start_job


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
    return add_rule(database, "schedule", values | {"next_at": next_at}, by, {"reason": reason})


def read_schedules(database: Database, model: str | None = None) -> tuple[Schedule, ...]:
    """Return the schedules of one model, or of all, the oldest first."""
    return tuple(Schedule(**row._mapping) for row in read_rules(database, "schedule", model))


def read_due_schedules(database: Database) -> tuple[datetime, tuple[Schedule, ...]]:
    """Return the present instant, and the schedules that are due at it."""
    with reading(database.engine) as connection:
        at = now(connection)
        rows = read_due_rules(connection, "schedule", at)
        return at, tuple(Schedule(**row._mapping) for row in rows)


def fire(database: Database, schedule: Schedule, next_at: datetime) -> str | None:
    """Start the job of a schedule that is due, once for all the times it missed; None if another worker has done so.

    Moving the schedule on and starting the job are one transaction: neither is lost, and nothing happens twice.
    """
    with writing(database.engine) as connection:
        if not claim(connection, "schedule", schedule, next_at):
            return None
        evidence = {"schedule": schedule.id, "due_at": schedule.next_at.isoformat()}
        firing = Firing(reason=schedule.reason, trigger="schedule", mode="start", evidence=evidence)
        _, said = start_job(connection, schedule, f"schedule {schedule.id}", firing)
        remember(connection, "schedule", schedule.id, last_result=said)
        return said


def disable_broken(database: Database, schedule: Schedule, why: str) -> None:
    """Switch a schedule off that cannot be read, and say why."""
    with writing(database.engine) as connection:
        remember(connection, "schedule", schedule.id, enabled=False, last_result=why)

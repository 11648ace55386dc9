"""Schedules without a scheduler: every worker looks, and the row lets exactly one of them fire."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from retrain.params import RetrainParams
from retrain.triggers.cron import parse_cron, parse_zone
from storage.database.engine import Database
from storage.jobs import firings, schedules


@dataclass(frozen=True)
class Added:
    """A new schedule: its number, and when it fires first."""

    number: int
    next_at: datetime


def add(
    database: Database,
    model: str,
    cron: str,
    *,
    time_zone: str = "UTC",
    reason: str,
    by: str,
    params: Mapping[str, Any] | None = None,
) -> Added:
    """Let a job start at the times of a cron expression.

    Raises
    ------
    ValueError
        If the expression, the zone, a parameter or the model is none, or no reason is given.
    """
    zone, due = parse_zone(time_zone), parse_cron(cron)
    RetrainParams.from_mapping(params)
    at, _ = schedules.read_due_schedules(database)
    asked: dict[str, Any] = {"reason": reason, "by": by, "params": dict(params or {})}
    next_at = due.after(at, zone)
    number = schedules.add_schedule(database, model, cron=due.text, time_zone=time_zone, next_at=next_at, **asked)
    return Added(number, next_at)


def enable(database: Database, number: int, by: str) -> None:
    """Switch a schedule on again: what it missed while it was off does not count."""
    found = next((one for one in schedules.read_schedules(database) if one.id == number), None)
    at, _ = schedules.read_due_schedules(database)
    next_at = parse_cron(found.cron).after(at, parse_zone(found.time_zone)) if found else None
    firings.enable(database, "schedule", number, by, next_at=next_at)


def tick(database: Database) -> list[str]:
    """Fire the schedules that are due, each once however many times it has missed; return what came of it."""
    at, due = schedules.read_due_schedules(database)
    said = []
    for schedule in due:
        try:
            next_at = parse_cron(schedule.cron).after(at, parse_zone(schedule.time_zone))
        except ValueError as error:
            schedules.disable_broken(database, schedule, str(error))
            said.append(f"schedule {schedule.id} is switched off: {error}")
            continue
        if fired := schedules.fire(database, schedule, next_at):
            said.append(f"schedule {schedule.id}: {fired}")
    return said

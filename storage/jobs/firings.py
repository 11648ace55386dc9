"""What starts retrain jobs by itself, whether a schedule or a trigger: a rule, and the job that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import retrain_schedule, retrain_trigger
from storage.jobs.job_rows import Open, Trigger
from storage.jobs.queue import start_within
from storage.models.catalogue import read_entry

What = Literal["schedule", "trigger"]
Mode = Literal["propose", "start"]
_TABLES = {"schedule": retrain_schedule, "trigger": retrain_trigger}


class Rule(Protocol):
    """A row of the table of schedules or of that of triggers."""

    @property
    def id(self) -> int: ...
    @property
    def model(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Any] | None: ...
    @property
    def next_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Firing:
    """The job that a look asks for; `memory` is what the trigger remembers once it has begun."""

    reason: str
    trigger: Trigger
    mode: Mode
    evidence: Mapping[str, Any]
    memory: Mapping[str, Any] = field(default_factory=dict)


def remove(database: Database, what: What, number: int, by: str) -> None:
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
    what: What,
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


def start_job(connection: sa.Connection, rule: Rule, by: str, firing: Firing) -> tuple[bool, str]:
    """Start or propose the job of a rule; return whether it has begun, and what to say of it."""
    state: Open = "proposed" if firing.mode == "propose" else "queued"
    more = {"params": rule.params, "evidence": firing.evidence}
    answer = start_within(connection, rule.model, firing.reason, by, firing.trigger, state=state, **more)
    said = answer.message if answer else "a job ended just now; the next time counts"
    return answer is not None and answer.started, f"{now(connection):%Y-%m-%d %H:%M} UTC: {said}"


def add_rule(database: Database, what: What, values: Mapping[str, Any], by: str, needed: Mapping[str, str]) -> int:
    """Write a new rule down and return its number; it is due at once where it does not say when.

    Parameters
    ----------
    needed : what must not be empty, by its name

    Raises
    ------
    ValueError
        If something needed is empty, or the model is unknown.
    """
    table = _TABLES[what]
    for name, value in {**needed, "by": by}.items():
        if not value.strip():
            raise ValueError(f"{name} must be given; got nothing.")
    with writing(database.engine) as connection:
        read_entry(connection, values["model"])  # raises if the model is unknown
        at = now(connection)
        row = {"next_at": at, **values, "created_by": by, "created_at": at}
        number: int = connection.execute(sa.insert(table).values(row).returning(table.c.id)).scalar_one()
        shown = {name: value for name, value in values.items() if name not in ("model", "next_at")}
        append_audit(connection, by, f"add {what}", values["model"], id=number, **shown)
    return number


def read_rules(database: Database, what: What, model: str | None) -> list[sa.Row[Any]]:
    """Return the rules of one model, or of all, the oldest first."""
    table = _TABLES[what]
    query = sa.select(table).order_by(table.c.id)
    with reading(database.engine) as connection:
        return list(connection.execute(query if model is None else query.where(table.c.model == model)))


def read_due_rules(connection: sa.Connection, what: What, at: datetime) -> list[sa.Row[Any]]:
    """Return the rules that are due at an instant, those that wait longest first."""
    c = _TABLES[what].c
    due = sa.select(_TABLES[what]).where(c.enabled, c.next_at <= at).order_by(c.next_at, c.id)
    return list(connection.execute(due))


def claim(connection: sa.Connection, what: What, seen: Rule, next_at: datetime) -> bool:
    """Move a rule on to its next time; False if another worker has done so since it was read."""
    table = _TABLES[what]
    unmoved = (table.c.id == seen.id, table.c.enabled, table.c.next_at == seen.next_at)
    return connection.execute(sa.update(table).where(*unmoved).values(next_at=next_at)).rowcount == 1


def remember(connection: sa.Connection, what: What, number: int, **values: Any) -> None:
    """Write down what came of a rule."""
    table = _TABLES[what]
    connection.execute(sa.update(table).where(table.c.id == number).values(values))


def _locked(connection: sa.Connection, what: What, number: int) -> sa.Row[Any]:
    table = _TABLES[what]
    row = connection.execute(sa.select(table).where(table.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise ValueError(f"{what} must be the number of one that exists; got {number}.")
    return row


def _detail(row: sa.Row[Any]) -> dict[str, Any]:
    names = ("id", "cron", "time_zone", "kind", "mode", "settings")
    return {name: value for name, value in row._mapping.items() if name in names}

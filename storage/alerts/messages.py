"""Messages to people as rows: who sends one takes it, and notes what came of it; what was not delivered stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.driver import insert_or_update
from storage.database.engine import Database, reading, writing
from storage.database.schema import alert, alert_channel

State = Literal["pending", "sent", "given up"]
# A message that nobody could be told for so long is no news any more.
KEPT = timedelta(days=3)
TOO_OLD = "It was too old before it could be sent."
# Much longer than a request may take: whoever has taken a message and says nothing is dead, and another one sends it.
LEASE = timedelta(seconds=20)
# Whoever looks for what is worth telling shows itself more often than this.
WATCHED = timedelta(seconds=30)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=10)


@dataclass(frozen=True)
class Alert:
    """One message: `failing_since` is when its first attempt failed, `last_error` what came of the last one."""

    id: int
    model: str
    kind: str
    body: Mapping[str, Any]
    state: State
    attempts: int
    next_at: datetime
    last_error: str | None
    failing_since: datetime | None
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True)
class Delivery:
    """How the channel does: `failing_since` and `why` where messages cannot be delivered.

    `watched_at` is when a process that looks for what is worth telling last showed itself, and `is_watched` says
    whether that is as it should be.
    """

    n_pending: int
    n_sent: int
    n_given_up: int
    failing_since: datetime | None
    why: str | None
    watched_at: datetime | None
    is_watched: bool


def take(database: Database) -> Alert | None:
    """Take the message that has been due for longest, and count the attempt; None if none is due.

    Until its lease is over nobody else sends it. Who dies between sending and `mark_sent` leaves it to be sent again:
    a message is delivered at least once.
    """
    with writing(database.engine) as connection:
        at = now(connection)
        row = connection.execute(_due(at).with_for_update(skip_locked=True, of=alert)).one_or_none()
        if row is None:
            return None
        values = {"attempts": row.attempts + 1, "next_at": at + LEASE}
        connection.execute(sa.update(alert).where(alert.c.id == row.id).values(values))
        return Alert(**{**row._mapping, **values})


def is_due(database: Database) -> bool:
    """Whether a message waits to be sent now; takes no lock."""
    with reading(database.engine) as connection:
        return connection.execute(_due(now(connection))).one_or_none() is not None


def give_up_old(database: Database) -> None:
    """Give up what waits and is no news any more, such as after days without a worker; takes no lock if none is."""
    with reading(database.engine) as connection:
        found = connection.execute(sa.select(alert.c.id).where(*_too_old(now(connection))).limit(1)).one_or_none()
    if found is not None:
        with writing(database.engine) as connection:
            old = sa.update(alert).where(*_too_old(now(connection)))
            # Of one that was tried, what the channel answered says more.
            why = sa.func.coalesce(alert.c.last_error, TOO_OLD)
            connection.execute(old.values(state="given up", last_error=why))


def mark_sent(database: Database, number: int) -> None:
    """Note that a message was delivered."""
    with writing(database.engine) as connection:
        sent = {"state": "sent", "sent_at": now(connection), "last_error": None}
        connection.execute(sa.update(alert).where(alert.c.id == number).values(sent))


def _due(at: datetime) -> sa.Select[Any]:
    """Select the message that has been due for longest, unless the channel is to be left alone."""
    c = alert.c
    is_held = sa.select(alert_channel.c.id).where(alert_channel.c.not_before > at).exists()
    due = sa.select(alert).where(c.state == "pending", c.next_at <= at, c.created_at > at - KEPT, ~is_held)
    return due.order_by(c.next_at, c.id).limit(1)


def _too_old(at: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what holds for a message that is too old to be sent; one that is being sent just now is left alone."""
    c = alert.c
    return (c.state == "pending", c.next_at <= at, c.created_at <= at - KEPT)


def postpone(database: Database, failed: Alert, why: str, wait: timedelta, *, others_too: bool) -> None:
    """Note why a message was not delivered and when to try again; one that is too old is given up.

    Parameters
    ----------
    wait : how long the channel asks to be left alone, at least
    others_too : the channel is at fault and not the message: it is left alone, whatever else is to be told
    """
    c = alert.c
    pause = max(wait, min(_FIRST_PAUSE * 2 ** min(failed.attempts - 1, 10), _LONGEST_PAUSE))
    with writing(database.engine) as connection:
        at = now(connection)
        state = "given up" if at - failed.created_at >= KEPT else "pending"
        values = {"state": state, "next_at": at + pause, "last_error": why}
        values |= {"failing_since": sa.func.coalesce(c.failing_since, sa.literal(at, c.failing_since.type))}
        connection.execute(sa.update(alert).where(c.id == failed.id, c.state == "pending").values(values))
        if others_too:
            _note_channel(connection, not_before=at + pause)


def note_test(database: Database, by: str, model: str, *, delivered: bool, said: str) -> None:
    """Note who tried the channel and what came of it; where it works, what waits is sent at once."""
    with writing(database.engine) as connection:
        append_audit(connection, by, "test alerts", model, answer=said)
        if delivered:
            at = now(connection)
            # What is due sooner is being sent just now, or will be.
            waiting = sa.update(alert).where(alert.c.state == "pending", alert.c.next_at > at + LEASE)
            connection.execute(waiting.values(next_at=at))
            _note_channel(connection, not_before=None)


def show_watching(database: Database) -> None:
    """Show that a process looks for what is worth telling."""
    with writing(database.engine) as connection:
        _note_channel(connection, seen_at=now(connection))


def _note_channel(connection: sa.Connection, **values: datetime | None) -> None:
    """Note something in the one row, whoever else writes it first; what is not given stays as it is."""
    connection.execute(insert_or_update(connection, alert_channel, {"id": 1, **values}, values))


def read_alerts(database: Database, *, limit: int = 50) -> tuple[Alert, ...]:
    """Return the messages, the newest first."""
    with reading(database.engine) as connection:
        rows = connection.execute(sa.select(alert).order_by(alert.c.id.desc()).limit(limit))
        return tuple(Alert(**row._mapping) for row in rows)


def read_delivery(database: Database) -> Delivery:
    """Return how the channel does."""
    c = alert.c
    with reading(database.engine) as connection:
        at = now(connection)
        counted = connection.execute(sa.select(c.state, sa.func.count().label("n")).group_by(c.state))
        n = {row.state: row.n for row in counted}
        last_sent = sa.select(sa.func.max(c.sent_at)).scalar_subquery()
        # One that was given up is history as soon as a later one has been delivered.
        unheard = (c.state == "given up") & (last_sent.is_(None) | (c.next_at > last_sent))
        failing = sa.select(c.failing_since, c.last_error).where(c.failing_since.is_not(None))
        failing = failing.where((c.state == "pending") | unheard).order_by(c.next_at.desc(), c.id.desc())
        rows = connection.execute(failing).all()
        seen = connection.execute(sa.select(alert_channel.c.seen_at)).scalar()
    return Delivery(
        n_pending=n.get("pending", 0),
        n_sent=n.get("sent", 0),
        n_given_up=n.get("given up", 0),
        failing_since=min((row.failing_since for row in rows), default=None),
        why=rows[0].last_error if rows else None,
        watched_at=seen,
        is_watched=seen is not None and at - seen < WATCHED,
    )

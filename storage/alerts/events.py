"""The events that people are told of, which are new and which are over: by its key, one message tells of each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import alert, alert_event

EventKind = Literal["alarm", "check", "job"]
# What stops and begins again within it has gone on: nobody is told twice of an alarm that late rows took back for a
# moment, or of a check that fails every other time.
QUIET = timedelta(hours=1)
OVER = "It was over before it could be sent."


def follow(database: Database, kind: EventKind, standing: Sequence[str], model: str | None = None) -> Mapping[str, str]:
    """Note which events go on and which are over; return the subjects that nobody was told of, each with its key.

    A message that has not been sent is given up once all that it tells of is over, and waits again if some of it goes
    on after a moment.

    Parameters
    ----------
    standing : the subjects of all events that are so now; no two models share one
    model : only events of this model

    Returns
    -------
    dict
        The keys that `tell` takes: whoever comes second with one writes nothing.
    """
    with reading(database.engine) as connection:
        at = now(connection)
        known = _newest(_known(connection, kind, standing, model))
    over = [row.key for row in known.values() if row.ended_at is None and row.subject not in set(standing)]
    again = [row.key for row in known.values() if _has_paused(row, standing, at)]
    if over or again:
        _move(database, over, again)
    untold = {}
    for subject in standing:
        row = known.get(subject)
        if row is None or (row.ended_at is not None and row.key not in again):
            untold[subject] = f"{kind}:{subject}#{_number(row) + 1}"
    return untold


def tell(
    database: Database, kind: EventKind, untold: Mapping[str, str], model: str, what: str, body: Mapping[str, Any]
) -> int | None:
    """Write a message that tells of new events; return its number, or None if one of them was told of meanwhile.

    Parameters
    ----------
    untold : as `follow` returned them
    what : the kind of message
    """
    try:
        with writing(database.engine) as connection:
            at = now(connection)
            row = {"model": model, "kind": what, "body": dict(body), "state": "pending", "attempts": 0}
            written = sa.insert(alert).values(row | {"next_at": at, "created_at": at}).returning(alert.c.id)
            number: int = connection.execute(written).scalar_one()
            event = {"kind": kind, "model": model, "alert_id": number, "began_at": at}
            events = [event | {"key": key, "subject": subject} for subject, key in untold.items()]
            connection.execute(sa.insert(alert_event), events)
            return number
    except sa.exc.IntegrityError:
        return None


def _known(
    connection: sa.Connection, kind: EventKind, standing: Sequence[str], model: str | None
) -> Iterable[sa.Row[Any]]:
    c = alert_event.c
    among = [c.kind == kind, *([] if model is None else [c.model == model])]
    relevant = sa.or_(c.ended_at.is_(None), c.subject.in_(standing))
    return connection.execute(sa.select(alert_event).where(*among, relevant)).all()


def _newest(rows: Iterable[sa.Row[Any]]) -> dict[str, sa.Row[Any]]:
    """Return the last event of each subject."""
    return {row.subject: row for row in sorted(rows, key=_number)}


def _number(row: sa.Row[Any] | None) -> int:
    return 0 if row is None else int(row.key.rpartition("#")[2])


def _has_paused(row: sa.Row[Any], standing: Sequence[str], at: datetime) -> bool:
    return row.subject in standing and row.ended_at is not None and at - row.ended_at < QUIET


def _move(database: Database, over: Sequence[str], again: Sequence[str]) -> None:
    """End events, let others go on, and give up the messages that tell only of what is over.

    What goes on is told by its first message alone: one that was given up in the pause waits to be sent again.
    """
    c = alert_event.c
    with writing(database.engine) as connection:
        at = now(connection)
        connection.execute(sa.update(alert_event).where(c.key.in_(over), c.ended_at.is_(None)).values(ended_at=at))
        connection.execute(sa.update(alert_event).where(c.key.in_(again)).values(ended_at=None))
        touched = sa.select(c.alert_id).where(c.key.in_(over))
        goes_on = sa.select(c.alert_id).where(c.ended_at.is_(None))
        done = sa.update(alert).where(alert.c.state == "pending", alert.c.id.in_(touched), ~alert.c.id.in_(goes_on))
        connection.execute(done.values(state="given up", last_error=OVER, failing_since=None))
        returned = sa.select(c.alert_id).where(c.key.in_(again))
        was_over = (alert.c.state == "given up") & (alert.c.last_error == OVER)
        unsaid = sa.update(alert).where(was_over, alert.c.id.in_(returned))
        connection.execute(unsaid.values(state="pending", next_at=at, last_error=None))

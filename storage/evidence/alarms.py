"""Alarms as rows: open ones follow from the log, answered ones are history."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from drift.life.evidence import Alarm
from drift.life.ledger import Acknowledgement, AlarmRecord, Mark, Snooze
from storage.database.schema import alarm


def read_alarms(connection: sa.Connection, reference_id: int) -> tuple[AlarmRecord, ...]:
    """Return the alarms against a reference, the oldest first."""
    query = sa.select(alarm).where(alarm.c.reference_id == reference_id, ~alarm.c.stale)
    rows = connection.execute(query.order_by(alarm.c.at, alarm.c.id))
    return tuple(_record(row) for row in rows)


def insert_alarms(
    connection: sa.Connection, reference_id: int, model_id: int, feed: str, records: Sequence[AlarmRecord]
) -> None:
    """Add alarms that sounded; one that sounds again after its rows changed is snoozed as it was."""
    for record in records:
        # A stream has one alarm at most that nobody has answered.
        of_stream = (
            alarm.c.reference_id == reference_id,
            alarm.c.stream == record.stream,
            alarm.c.acknowledged_at.is_(None),
        )
        snoozed = sa.select(alarm.c.snoozed_until, alarm.c.snoozed_by, alarm.c.snoozed_note).where(
            *of_stream, alarm.c.snoozed_until.is_not(None)
        )
        before = connection.execute(snoozed.order_by(alarm.c.id.desc()).limit(1)).one_or_none()
        connection.execute(sa.delete(alarm).where(*of_stream))
        row = {"reference_id": reference_id, "model_id": model_id, "feed": feed, **_values(record)}
        connection.execute(sa.insert(alarm).values(row | (dict(before._mapping) if before else {})))


def mark_acknowledged(
    connection: sa.Connection, reference_id: int, record: AlarmRecord, answer: Acknowledgement
) -> bool:
    """Write a person's answer to an alarm that is still open; return whether it was."""
    answered = (
        sa.update(alarm)
        .where(*_open(reference_id, record))
        .values(
            acknowledged_at=answer.at,
            acknowledged_by=answer.by,
            acknowledged_kind=answer.kind,
            acknowledged_note=answer.note,
            acknowledged_mark=answer.mark.order,
            acknowledged_row_id=answer.mark.row_id,
            acknowledged_row_at=answer.mark.at,
        )
    )
    return connection.execute(answered).rowcount == 1


def mark_snoozed(connection: sa.Connection, reference_id: int, record: AlarmRecord, snooze: Snooze) -> bool:
    """Write until when an alarm that is still open shall not be red; return whether it is open."""
    values = {"snoozed_until": snooze.until, "snoozed_by": snooze.by, "snoozed_note": snooze.note}
    return connection.execute(sa.update(alarm).where(*_open(reference_id, record)).values(values)).rowcount == 1


def _open(reference_id: int, record: AlarmRecord) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        alarm.c.reference_id == reference_id,
        alarm.c.stream == record.stream,
        alarm.c.position == record.alarm.row,
        alarm.c.acknowledged_at.is_(None),
        ~alarm.c.stale,
    )


def _values(record: AlarmRecord) -> dict[str, Any]:
    sounded = record.alarm
    return {
        "stream": record.stream,
        "position": sounded.row,
        "mark": record.mark.order,
        "row_id": record.mark.row_id,
        "at": record.mark.at,
        "onset": sounded.onset,
        "onset_at": record.onset_at,
        "trigger": sounded.trigger,
        "bet": sounded.bet,
        "score": sounded.score,
        "life_p": sounded.life_p,
    }


def _record(row: sa.Row[Any]) -> AlarmRecord:
    answer, snooze = None, None
    if row.acknowledged_at is not None:
        mark = Mark(row.acknowledged_mark, row.acknowledged_row_id, row.acknowledged_row_at)
        answer = Acknowledgement(
            row.acknowledged_at, row.acknowledged_by, row.acknowledged_kind, row.acknowledged_note, mark
        )
    if row.snoozed_until is not None:
        snooze = Snooze(row.snoozed_until, row.snoozed_by, row.snoozed_note)
    sounded = Alarm(row.position, row.onset, row.trigger, row.bet, row.score, row.life_p)
    return AlarmRecord(row.stream, sounded, Mark(row.mark, row.row_id, row.at), row.onset_at, answer, snooze)

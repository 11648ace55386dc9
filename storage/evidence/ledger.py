"""Keeps the evidence on watched columns: who writes must have read the newest, whoever comes second drops his work."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from drift.life.ledger import Acknowledgement, AlarmRecord, FeedName, Kept, Progress, Snooze
from storage.database import schema
from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import reading, writing
from storage.database.schema import alarm, evidence, watch
from storage.evidence.alarms import insert_alarms, mark_acknowledged, mark_snoozed
from storage.evidence.rows import begin_watch, drop_from, evidence_row, place_of, read_kept, take_turn, thin_out
from storage.models.catalogue import Entry, read_entry
from storage.references import frozen
from storage.references.frozen import Reference
from storage.segments.shelf import Shelf

# A look does not wait for a busy database: it answers from memory, and the next one stores.
_PATIENCE_MS = 300
_UNWRITABLE = (sa.exc.OperationalError, sa.exc.InternalError, sa.exc.IntegrityError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class EvidenceLedger:
    """The `drift.life.ledger.Ledger` of one model and one frozen reference."""

    shelf: Shelf
    model: str
    reference: str

    @property
    def engine(self) -> sa.Engine:
        """The database."""
        return self.shelf.engine

    def read(self, *, states: bool = False, from_row: int | None = None) -> Kept | None:
        """Return what is kept, with `states` the stored evidence too; None if nothing was begun.

        Parameters
        ----------
        from_row : return the first checkpoints at this row or behind it in place of the newest evidence
        """
        with reading(self.engine) as connection:
            return read_kept(connection, self._found(connection)[1], states=states, from_row=from_row)

    def begin(self, kept: Kept) -> Kept:
        """Start afresh with these streams. Answered alarms stay; what cannot be written comes back as it was."""
        try:
            with _writing_if_free(self.engine) as connection:
                entry, reference = self._found(connection, lock=True)
                known = read_kept(connection, reference)
                if known is None or known.rule != kept.rule:
                    begin_watch(connection, entry, reference, kept, version=known.version + 1 if known else 1)
                begun = read_kept(connection, reference)
        except _UNWRITABLE as error:
            _log.warning("The evidence on model %s cannot be stored: %s", self.model, error)
            return kept
        assert begun is not None
        return begun

    def write(
        self, kept: Kept, feed: FeedName, stored: Sequence[tuple[Progress, bytes]], alarms: Sequence[AlarmRecord]
    ) -> int | None:
        """Store evidence and new alarms if nobody has written since `kept`; return the new version, or None."""
        try:
            with _writing_if_free(self.engine) as connection:
                entry, reference = self._found(connection)
                if not take_turn(connection, reference, kept.version):
                    return None
                drop_from(connection, reference, [progress for progress, _ in stored])
                rows = [evidence_row(entry, reference, feed, progress, state) for progress, state in stored]
                connection.execute(sa.insert(evidence), rows)
                thin_out(connection, reference, {progress.stream for progress, _ in stored})
                insert_alarms(connection, reference.id, entry.id, feed, alarms)
        except _UNWRITABLE as error:
            _log.warning("The evidence on model %s cannot be stored: %s", self.model, error)
            return None
        return kept.version + 1

    def acknowledge(
        self, kept: Kept, record: AlarmRecord, answer: Acknowledgement, progress: Progress, state: bytes
    ) -> bool:
        """Store a person's answer and the restarted evidence if that evidence still stands as in `kept`.

        What came behind it meanwhile does not matter: where rows come late all the time, nobody could answer else.
        """
        with writing(self.engine) as connection:
            # The model first, as whoever adds rows does: the other way round each would wait for the other.
            entry, reference = self._found(connection, lock=True)
            stands = read_kept(connection, reference, states=True)
            if stands is None or not _stands_as(kept, stands, progress):
                return False
            if not take_turn(connection, reference, stands.version):
                return False
            if not mark_acknowledged(connection, reference.id, record, answer):
                return False
            connection.execute(
                sa.update(evidence)
                .where(*place_of(reference, progress.stream, progress.position))
                .values(score=progress.score, life_p=progress.life_p, state=state)
            )
            action = "acknowledge alarm" if answer.kind == "acknowledged" else "mark false alarm"
            self._note(connection, entry, answer.by, action, record, answer.note)
        return True

    def snooze(self, record: AlarmRecord, snooze: Snooze) -> None:
        """Store until when an alarm shall not be red."""
        with writing(self.engine) as connection:
            entry, reference = self._found(connection, lock=True)
            if not mark_snoozed(connection, reference.id, record, snooze):
                raise ValueError(f"the alarm of {record.stream!r} must still be open; it was answered just now.")
            until = snooze.until.isoformat()
            self._note(connection, entry, snooze.by, "snooze alarm", record, snooze.note, until=until)

    def now(self) -> datetime:
        """Return the instant by the clock of the database."""
        with reading(self.engine) as connection:
            return now(connection)

    def _found(self, connection: sa.Connection, *, lock: bool = False) -> tuple[Entry, Reference]:
        entry = read_entry(connection, self.model, lock=lock)
        return entry, frozen.find(connection, entry, self.reference)

    def _note(
        self, connection: sa.Connection, entry: Entry, by: str, action: str, record: AlarmRecord, note: str, **more: Any
    ) -> None:
        """Write down who decided, and tell every cache that boards have changed."""
        detail = {"column": record.stream, "reference": self.reference, "row": record.alarm.row, "note": note, **more}
        append_audit(connection, by, action, self.model, **detail)
        c = schema.model.c
        connection.execute(sa.update(schema.model).where(c.id == entry.id).values(revision=c.revision + 1))


def _stands_as(kept: Kept, stands: Kept, progress: Progress) -> bool:
    newest = stands.progress.get(progress.stream)
    at_same_row = newest is not None and newest.mark == progress.mark and newest.position == progress.position
    return at_same_row and stands.states[progress.stream] == kept.states[progress.stream]


def mark_stale(connection: sa.Connection, model_id: int, lowest_row_id: int) -> None:
    """Drop the evidence that took in a row from this id on: rows below the newest came, changed or went.

    Call it in the transaction that changes the rows. The next look takes them up from the last evidence before them.
    """
    _drop_evidence(connection, model_id, "rows", evidence.c.row_id >= lowest_row_id, alarm.c.row_id >= lowest_row_id)


def mark_labels_stale(connection: sa.Connection, model_id: int, earliest: datetime) -> None:
    """Drop the evidence that took in a label which came from this instant on: it was changed or went."""
    _drop_evidence(connection, model_id, "labels", evidence.c.at >= earliest, alarm.c.at >= earliest)


def _drop_evidence(
    connection: sa.Connection,
    model_id: int,
    feed: FeedName,
    touched: sa.ColumnElement[bool],
    sounded: sa.ColumnElement[bool],
) -> None:
    connection.execute(sa.update(watch).where(watch.c.model_id == model_id).values(version=watch.c.version + 1))
    connection.execute(sa.delete(evidence).where(evidence.c.model_id == model_id, evidence.c.feed == feed, touched))
    is_open = alarm.c.acknowledged_at.is_(None)
    connection.execute(
        sa.update(alarm).where(alarm.c.model_id == model_id, alarm.c.feed == feed, is_open, sounded).values(stale=True)
    )


@contextmanager
def _writing_if_free(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that writes, or fail soon where somebody else is writing."""
    with engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
                yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        usual = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        driver.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute(f"PRAGMA busy_timeout = {usual}")

"""Long work that fills the log, such as a file import: its progress is a row that everyone can read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.driver import insert_or_ignore
from storage.database.engine import Database, reading, writing
from storage.database.schema import UNFINISHED, import_run


@dataclass(frozen=True)
class Run:
    """One import: `n_done` of `n_rows` source rows are dealt with, `n_rejected` of them were bad.

    `state` is one of running, stopping (somebody asked), stopped, failed and done.
    """

    id: int
    model: str
    source: str
    fingerprint: str | None
    state: str
    n_done: int
    n_rows: int | None
    n_rejected: int
    note: str | None
    started_at: datetime
    updated_at: datetime


class RunTaken(ValueError):
    """Another process works on the same run: both would store the same rows."""


class RunDone(ValueError):
    """What the run would bring in was brought in to its end before, by `run`."""

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"{run.source} must be new; run {run.id} brought it in on {run.started_at:%Y-%m-%d %H:%M} UTC."
        )
        self.run = run


def begin(
    database: Database,
    model: str,
    source: str,
    n_rows: int | None = None,
    fingerprint: str | None = None,
    *,
    once: bool = False,
) -> Run:
    """Start a run, or take up the unfinished one with the same fingerprint where it stopped.

    A fingerprint has one unfinished run at most, however many begin it at once.

    Parameters
    ----------
    once : refuse what was brought in to its end before, even if that end comes just now

    Raises
    ------
    RunDone
        If `once` is set and a run of this fingerprint is done.
    """
    begun_at = datetime.now(UTC)
    values: dict[str, Any] = {"model": model, "source": source, "fingerprint": fingerprint, "state": "running"}
    values |= {"n_rows": n_rows, "started_at": begun_at, "updated_at": begun_at}
    with writing(database.engine) as connection:
        row = None
        while row is None:  # again only where the unfinished one has ended in between
            inserted = insert_or_ignore(connection, import_run).values(values).returning(import_run)
            row = connection.execute(inserted).one_or_none() or _unfinished(connection, fingerprint)
        # Read after the insert, which waits for whoever is ending a run just now.
        if once and (done := _done(connection, fingerprint)) is not None:
            raise RunDone(done)
        return Run(**row._mapping)


def _unfinished(connection: sa.Connection, fingerprint: str | None) -> sa.Row[Any] | None:
    c = import_run.c
    query = sa.select(import_run).where(c.fingerprint == fingerprint, c.state.in_(UNFINISHED))
    return connection.execute(query).one_or_none()


def _done(connection: sa.Connection, fingerprint: str | None) -> Run | None:
    c = import_run.c
    query = sa.select(import_run).where(c.fingerprint == fingerprint, c.state == "done").order_by(c.id).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Run(**row._mapping)


def advance(connection: sa.Connection, run: Run, n_done: int, n_rejected: int = 0) -> None:
    """Count the next source rows after `run.n_done` as dealt with, in the transaction that stores them.

    Raises
    ------
    RunTaken
        If another process has dealt with them: the transaction must not be committed.
    """
    c = import_run.c
    moved = connection.execute(
        sa.update(import_run)
        .where(c.id == run.id, c.n_done == run.n_done)
        .values(
            n_done=c.n_done + n_done,
            n_rejected=c.n_rejected + n_rejected,
            state=sa.case((c.state == "stopping", "stopping"), else_="running"),
            updated_at=datetime.now(UTC),
        )
    )
    if moved.rowcount == 0:
        raise RunTaken(
            f"{run.source} must be brought in by one process at a time; another one went on from row {run.n_done:,}."
        )


def say(database: Database, run_id: int, note: str) -> None:
    """Tell what the run is doing now."""
    with writing(database.engine) as connection:
        connection.execute(
            sa.update(import_run).where(import_run.c.id == run_id).values(note=note, updated_at=datetime.now(UTC))
        )


def ask_to_stop(database: Database, run_id: int) -> None:
    """Ask whoever works on a run to stop; it does so at its next batch. A run that has ended stays as it is."""
    _move(database, run_id, ("running",), "stopping")


def go_on(database: Database, run_id: int) -> None:
    """Take back that a run was stopped, so that whoever takes it up works on."""
    _move(database, run_id, UNFINISHED, "running")


def _move(database: Database, run_id: int, before: tuple[str, ...], after: str) -> None:
    c = import_run.c
    with writing(database.engine) as connection:
        connection.execute(
            sa.update(import_run)
            .where(c.id == run_id, c.state.in_(before))
            .values(state=after, updated_at=datetime.now(UTC))
        )


def finish(
    database: Database, run_id: int, state: str = "done", note: str | None = None, *, by: str | None = None
) -> None:
    """End a run as `done`, `failed` or `stopped` (which a later start takes up again); one that has ended stays so.

    Where `by` tells who imports, a run that is done enters the audit list in the same transaction.
    """
    if state not in ("done", "failed", "stopped"):
        raise ValueError(f"state must be done, failed or stopped; got {state!r}.")
    with writing(database.engine) as connection:
        # Two processes may find at once that no row is left: one of them ends the run.
        ended = connection.execute(
            sa.update(import_run)
            .where(import_run.c.id == run_id, import_run.c.state.in_(UNFINISHED))
            .values(state=state, note=note, updated_at=datetime.now(UTC))
            .returning(import_run)
        ).one_or_none()
        if ended is not None and state == "done" and by is not None:
            n_landed = ended.n_done - ended.n_rejected
            append_audit(connection, by, "import", ended.model, file=ended.source, n_rows=n_landed)


def read_runs(database: Database, *, limit: int = 50, without: str | None = None) -> tuple[Run, ...]:
    """Return the runs, the newest first; none whose source begins like `without`."""
    query = sa.select(import_run).order_by(import_run.c.id.desc()).limit(limit)
    if without is not None:
        query = query.where(~import_run.c.source.startswith(without, autoescape=True))
    with reading(database.engine) as connection:
        rows = connection.execute(query)
        return tuple(Run(**row._mapping) for row in rows)


def read_run(database: Database, run_id: int) -> Run:
    """Return one run as it stands now."""
    with reading(database.engine) as connection:
        row = connection.execute(sa.select(import_run).where(import_run.c.id == run_id)).one()
        return Run(**row._mapping)


def read_newest_run(database: Database, beginning: str) -> Run | None:
    """Return the newest run whose source begins so."""
    query = sa.select(import_run).where(import_run.c.source.startswith(beginning, autoescape=True))
    with reading(database.engine) as connection:
        row = connection.execute(query.order_by(import_run.c.id.desc()).limit(1)).first()
        return None if row is None else Run(**row._mapping)


def read_done_run(database: Database, fingerprint: str) -> Run | None:
    """Return the run that has already imported this content, if one has."""
    with reading(database.engine) as connection:
        return _done(connection, fingerprint)


def read_latest_run(database: Database, fingerprint: str) -> Run | None:
    """Return the last run that was begun for this content, whatever became of it."""
    with reading(database.engine) as connection:
        query = sa.select(import_run).where(import_run.c.fingerprint == fingerprint)
        row = connection.execute(query.order_by(import_run.c.id.desc()).limit(1)).first()
        return None if row is None else Run(**row._mapping)

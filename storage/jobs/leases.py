"""How workers hold a job: a lease that runs out, and a fence number that shuts out whoever lost it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import retrain_job, retrain_step
from storage.jobs.job_rows import (
    FINAL,
    ROUNDS,
    STEPS,
    TRIALS,
    Registered,
    State,
    StepState,
    end_job,
    lock_job,
    set_job,
    settle,
    write_step,
)

LEASE = timedelta(seconds=60)
MAX_FAILURES = 3
# A dead worker or machine is not the step's fault.
MAX_CRASHES = 10
_CLAIMABLE = ("queued", "running", "canary")
_HELD = ("running", "canary")


class FencedOff(Exception):
    """Another worker holds the job now, or it is to be cancelled: what was computed must not be written."""


@dataclass(frozen=True)
class Ticket:
    """The right to run one attempt of one step."""

    job_id: int
    model: str
    step: str
    attempt: int
    fence: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a step came to and where the job goes from here; `commit` writes all of it or nothing.

    `result` is merged into the job's. `effect` changes versions and aliases; what it returns is merged as well.
    """

    state: State
    step: str
    output: Mapping[str, Any] = field(default_factory=dict)
    step_state: StepState = "done"
    note: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    wait: timedelta = timedelta(0)
    effect: Callable[[sa.Connection], Mapping[str, Any] | None] | None = None


def claim(
    database: Database, owner: str, lease: timedelta = LEASE, *, job_id: int | None = None, steps: Sequence[str] = ()
) -> Ticket | None:
    """Take the oldest job that is due and that nobody holds, and begin the next attempt of its step.

    A step that is still marked as running lost its worker: that counts as a crash. A job whose step has failed or
    crashed too often, or is unknown to this release, fails here.

    Parameters
    ----------
    owner : who holds the lease
    job_id : only this job; also one that runs elsewhere (`external_ref`)
    steps : only at one of these steps
    """
    with writing(database.engine) as connection:
        at = now(connection)
        due = _due(at, job_id, steps).limit(1).with_for_update(skip_locked=True)
        row = connection.execute(due).one_or_none()
        if row is None:
            return None
        if row.step not in STEPS:
            if Registered.of(row.result).version:  # its challenger must not stay on trial with nobody who looks
                settle(connection, row, "the worker")
            end_job(
                connection, row.id, "failed", f"Step must be one that this release knows; the job has {row.step!r}."
            )
            return None
        attempt = _begin_attempt(connection, row, at)
        if attempt is None:
            return None
        on_trial = row.step in ROUNDS
        held = {"lease_owner": owner, "lease_until": at + lease, "fence": row.fence + 1}
        state, note = ("canary", row.note) if on_trial else ("running", None)
        set_job(connection, row.id, **held, state=state, note=note)
        return Ticket(row.id, row.model, row.step, attempt, row.fence + 1)


def read_due_jobs(database: Database, *, limit: int = 50) -> list[int]:
    """Return the jobs that a worker could claim now, those that wait longest first."""
    with reading(database.engine) as connection:
        query = _due(now(connection), None, ()).with_only_columns(retrain_job.c.id).limit(limit)
        return list(connection.execute(query).scalars())


def renew(database: Database, ticket: Ticket, lease: timedelta = LEASE) -> State | None:
    """Prolong the lease; return the job's state, or None if the lease is lost."""
    c = retrain_job.c
    with writing(database.engine) as connection:
        mine = sa.update(retrain_job).where(c.id == ticket.job_id, c.fence == ticket.fence, c.lease_owner.is_not(None))
        renewed = connection.execute(mine.values(lease_until=now(connection) + lease).returning(c.state)).scalar()
        return renewed


def read_holder_state(database: Database, ticket: Ticket) -> State | None:
    """Return the job's state if the ticket is still the valid one, else None; takes no lock."""
    c = retrain_job.c
    query = sa.select(c.state).where(c.id == ticket.job_id, c.fence == ticket.fence, c.lease_owner.is_not(None))
    with reading(database.engine) as connection:
        return connection.execute(query).scalar()


@contextmanager
def fenced(database: Database, ticket: Ticket) -> Iterator[tuple[sa.Connection, sa.Row[Any]]]:
    """Open a transaction that only the holder of the ticket may write in.

    Raises
    ------
    FencedOff
        If the job has another holder, is being cancelled, or this attempt has been written already.
    """
    with writing(database.engine) as connection:
        row = lock_job(connection, ticket.job_id)
        if row.fence != ticket.fence or row.state not in _HELD or row.lease_owner is None:
            raise FencedOff(f"job {ticket.job_id} is {row.state}, its fence is {row.fence} and not {ticket.fence}.")
        yield connection, row


def report(database: Database, ticket: Ticket, progress: float, note: str | None = None) -> None:
    """Show how far the job is, from 0 to 1, and what it does now."""
    with fenced(database, ticket) as (connection, _):
        set_job(connection, ticket.job_id, progress=progress, **({"note": note} if note else {}))


def commit(database: Database, ticket: Ticket, outcome: Outcome) -> None:
    """Write what a step came to: its row, its effect on versions and aliases, and the job's next state, as one.

    Raises
    ------
    FencedOff
        If the ticket is no longer valid; nothing is written then.
    """
    with fenced(database, ticket) as (connection, row):
        added = (outcome.effect(connection) if outcome.effect else None) or {}
        at = now(connection)
        done = {"state": outcome.step_state, "finished_at": at, "output": {**outcome.output, **added}, "error": None}
        write_step(connection, ticket.job_id, ticket.step, **done)
        result = {**(row.result or {}), **outcome.result, **added}
        if outcome.state in FINAL:
            end_job(connection, row.id, outcome.state, outcome.note or "", result=result, progress=1.0)
            return
        if outcome.state == "waiting_approval":
            write_step(connection, row.id, "approval", state="waiting", started_at=at)
        released = {"lease_owner": None, "lease_until": None, "not_before": at + outcome.wait}
        set_job(
            connection, row.id, **released, state=outcome.state, step=outcome.step, result=result, note=outcome.note
        )


def fail(database: Database, ticket: Ticket, error: str, *, crashed: bool = False) -> None:
    """Note that an attempt failed, or that its process died; the step is tried again after a pause that doubles.

    Raises
    ------
    FencedOff
        If the ticket is no longer valid.
    """
    with fenced(database, ticket) as (connection, row):
        step = _step_row(connection, row.id, ticket.step)
        if step is None or step.state != "running" or step.attempt != ticket.attempt:
            raise FencedOff(f"attempt {ticket.attempt} of {ticket.step} of job {row.id} is not running.")
        failures, crashes = step.failures + (not crashed), step.crashes + crashed
        at = now(connection)
        counted = {"state": "failed", "failures": failures, "crashes": crashes, "finished_at": at, "error": error}
        write_step(connection, row.id, ticket.step, **counted)
        if failures >= MAX_FAILURES or crashes >= MAX_CRASHES:
            _give_up(connection, row, failures, crashes, error)
            return
        pause = timedelta(seconds=1 if crashed else 2**failures)
        state = "canary" if row.state == "canary" else "queued"
        note = f"{ticket.step} failed and will be tried again: {error}"
        released = {"lease_owner": None, "lease_until": None, "not_before": at + pause}
        set_job(connection, row.id, **released, state=state, note=note)


def hand_back(database: Database, ticket: Ticket) -> None:
    """Give the job up without counting a failure: the worker was asked to stop."""
    with fenced(database, ticket) as (connection, row):
        write_step(connection, row.id, ticket.step, state="cancelled", finished_at=now(connection))
        released = {"lease_owner": None, "lease_until": None}
        set_job(connection, row.id, **released, state="canary" if row.state == "canary" else "queued")


def finish_cancel(database: Database, ticket: Ticket) -> bool:
    """End a job whose cancel was asked for, once its step's process is gone; False if the ticket is not valid."""
    with writing(database.engine) as connection:
        row = lock_job(connection, ticket.job_id)
        if row.fence != ticket.fence or row.state != "cancelling":
            return False
        settle(connection, row, row.cancel_by)
        return True


def settle_abandoned(database: Database) -> int:
    """End the jobs that are to be cancelled and whose worker is gone; return how many."""
    c = retrain_job.c
    with reading(database.engine) as connection:
        at = now(connection)
        gone = sa.or_(c.lease_until.is_(None), c.lease_until < at)
        found = connection.execute(sa.select(c.id).where(c.state == "cancelling", gone)).scalars().all()
    for job_id in found:
        with writing(database.engine) as connection:
            row = lock_job(connection, job_id)
            if row.state == "cancelling" and (row.lease_until is None or row.lease_until < now(connection)):
                settle(connection, row, row.cancel_by)
    return len(found)


def write_log_tail(database: Database, ticket: Ticket, tail: str) -> None:
    """Keep the end of an attempt's log where every dashboard can read it."""
    c = retrain_step.c
    mine = (c.job_id == ticket.job_id, c.name == ticket.step, c.attempt == ticket.attempt)
    with writing(database.engine) as connection:
        connection.execute(sa.update(retrain_step).where(*mine).values(log=tail))


def _due(at: datetime, job_id: int | None, steps: Sequence[str]) -> sa.Select[Any]:
    c = retrain_job.c
    free = sa.or_(c.lease_until.is_(None), c.lease_until < at)
    query = sa.select(retrain_job).where(c.state.in_(_CLAIMABLE), free, c.not_before <= at)
    query = query.where(c.external_ref.is_(None)) if job_id is None else query.where(c.id == job_id)
    if steps:
        query = query.where(c.step.in_(steps))
    return query.order_by(c.not_before, c.id)


def _begin_attempt(connection: sa.Connection, row: sa.Row[Any], at: datetime) -> int | None:
    """Count the last attempt if its worker died, and write the next one; None if there may be no more."""
    old = _step_row(connection, row.id, row.step)
    attempt, failures, crashes = 1, 0, 0
    if old is not None:
        attempt = old.attempt + 1
        if old.state not in ("done", "waiting"):  # a step that has rounds, such as canary, waits between them
            failures, crashes = old.failures, old.crashes + (old.state == "running")
    if crashes >= MAX_CRASHES:
        _give_up(connection, row, failures, crashes, "the worker died each time")
        return None
    counted = {"attempt": attempt, "failures": failures, "crashes": crashes}
    begun = {"state": "running", "started_at": at, "finished_at": None, "error": None, "log": None}
    write_step(connection, row.id, row.step, **counted, **begun)
    return attempt


def _give_up(connection: sa.Connection, row: sa.Row[Any], failures: int, crashes: int, error: str) -> None:
    write_step(connection, row.id, row.step, state="failed", failures=failures, crashes=crashes)
    note = f"{row.step} gave up after {failures} failures and {crashes} crashes; the last: {error}"
    if row.step in TRIALS and Registered.of(row.result).version:
        settle(connection, row, "the worker")
        set_job(connection, row.id, note=f"Rolled back: {note}")
        return
    end_job(connection, row.id, "failed", note)


def _step_row(connection: sa.Connection, job_id: int, name: str) -> sa.Row[Any] | None:
    c = retrain_step.c
    return connection.execute(sa.select(retrain_step).where(c.job_id == job_id, c.name == name)).one_or_none()

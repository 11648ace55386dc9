"""Jobs that run elsewhere: who asks for the run, what was answered, and which run a job belongs to."""

from datetime import timedelta

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, writing
from storage.database.schema import retrain_job
from storage.jobs.job_rows import FINAL, STEPS, Job, end_job, lock_job, read_job_within, set_job, settle

# What `external_ref` says until the address of the run is known.
ASKED, ACCEPTED = "asked for", "accepted"
MAX_TRIES = 8
_LEASE = timedelta(minutes=2)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=10)


def take(database: Database, owner: str) -> Job | None:
    """Take the oldest new job whose run nobody asks for at the moment; from now on no worker of ours runs it."""
    c = retrain_job.c
    with writing(database.engine) as connection:
        at = now(connection)
        free = sa.or_(c.lease_until.is_(None), c.lease_until < at)
        to_ask = sa.or_(c.external_ref.is_(None), c.external_ref == ASKED)
        query = sa.select(c.id, c.fence).where(
            c.state == "queued", c.step == STEPS[0], free, to_ask, c.not_before <= at
        )
        query = query.order_by(c.not_before, c.id).limit(1).with_for_update(skip_locked=True)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        held = {"lease_owner": owner, "lease_until": at + _LEASE, "fence": row.fence + 1}
        set_job(connection, row.id, **held, external_ref=ASKED)
        return read_job_within(connection, row.id)


def accept(database: Database, job: Job, run_url: str | None, note: str) -> None:
    """Note that a run was started; it takes the job over as soon as it begins."""
    with writing(database.engine) as connection:
        if _is_held(connection, job):
            released = {"lease_owner": None, "lease_until": None}
            set_job(connection, job.id, **released, external_ref=run_url or ACCEPTED, note=note)


def postpone(database: Database, job: Job, wait: timedelta, why: str) -> None:
    """Note why there is no run yet, and when to ask again; after too many tries the job fails."""
    with writing(database.engine) as connection:
        if not _is_held(connection, job):
            return
        n_tries = int((job.result or {}).get("n_tries", 0)) + 1
        if n_tries >= MAX_TRIES:
            end_job(connection, job.id, "failed", f"No run was started after {n_tries} tries; the last: {why}")
            return
        pause = max(wait, min(_FIRST_WAIT * 2 ** (n_tries - 1), _LONGEST_WAIT))
        released = {"lease_owner": None, "lease_until": None, "not_before": now(connection) + pause}
        note = f"Tried {n_tries} of {MAX_TRIES} times, again in {pause.total_seconds():.0f} s: {why}"
        set_job(connection, job.id, **released, note=note, result={**(job.result or {}), "n_tries": n_tries})


def give_up(database: Database, job: Job, why: str) -> None:
    """End a job whose run cannot be started as things are."""
    with writing(database.engine) as connection:
        if _is_held(connection, job):
            end_job(connection, job.id, "failed", f"No run was started: {why}")


def adopt(database: Database, job_id: int, run_url: str, by: str) -> Job:
    """Let a run take a job over; whoever still asks for a run of it is fenced off.

    Raises
    ------
    ValueError
        If the job has ended, is past its first steps, or belongs to another run.
    """
    with writing(database.engine) as connection:
        row = lock_job(connection, job_id)
        if row.state in (*FINAL, "cancelling"):
            raise ValueError(f"job must be an open one; job {job_id} is {row.state.replace('_', ' ')}.")
        if row.external_ref == run_url:
            return read_job_within(connection, job_id)
        if row.external_ref not in (None, ASKED, ACCEPTED) or row.step != STEPS[0] or row.state != "queued":
            where = row.external_ref or "a worker of the product"
            raise ValueError(f"job must not run already; job {job_id} is at {row.step}, run by {where}.")
        released = {"lease_owner": None, "lease_until": None, "fence": row.fence + 1}
        set_job(connection, job_id, **released, external_ref=run_url, not_before=now(connection), note=None)
        append_audit(connection, by, "run elsewhere", row.model, job=job_id, run=run_url)
        return read_job_within(connection, job_id)


def _is_held(connection: sa.Connection, job: Job) -> bool:
    """Whether whoever took a job still holds it; a cancel that was asked for meanwhile is carried out."""
    row = lock_job(connection, job.id)
    if row.fence == job.fence and row.state == "cancelling":
        settle(connection, row, row.cancel_by)
    return bool(row.fence == job.fence and row.state == "queued")

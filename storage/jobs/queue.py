"""Retrain jobs as people see them: how one starts, and what the tables say; decisions are in storage.jobs.decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import retrain_job, retrain_step
from storage.jobs.job_rows import FINAL, STEPS, Job, Open, State, Step, Trigger, read_job_within
from storage.models.catalogue import read_entry


@dataclass(frozen=True)
class StartResult:
    """The job that runs now, how it stands, and whether this call started it: nothing is left to be asked later."""

    job_id: int
    state: State
    started: bool
    message: str


def start(
    database: Database,
    model: str,
    reason: str,
    requested_by: str,
    trigger: Trigger = "manual",
    *,
    params: Mapping[str, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    external_ref: str | None = None,
) -> StartResult:
    """Start a retrain job, unless one of the model is active: the database decides, however many ask at once.

    Parameters
    ----------
    params : what retrain.params.RetrainParams takes
    external_ref : where the job runs if not on our own workers; those leave it alone

    Raises
    ------
    ValueError
        If the reason or the name is empty, or the model is unknown.
    """
    more: dict[str, Any] = {"params": params, "evidence": evidence, "dry_run": dry_run, "external_ref": external_ref}
    for _ in range(3):
        with writing(database.engine) as connection:
            started = start_within(connection, model, reason, requested_by, trigger, **more)
        if started is not None:
            return started
    raise ValueError(f"a job of model {model!r} ended while this one was to start; try again.")


def start_within(
    connection: sa.Connection,
    model: str,
    reason: str,
    requested_by: str,
    trigger: Trigger,
    *,
    state: Open = "queued",
    **more: Any,
) -> StartResult | None:
    """Start or propose a job in a caller's transaction; None if one of the model was active and has just ended."""
    for name, value in {"reason": reason, "requested_by": requested_by}.items():
        if not value.strip():
            raise ValueError(f"{name} must be given; got nothing.")
    values: dict[str, Any] = {"model": model, "active_model": model, "state": state, "step": STEPS[0]}
    values |= {"trigger": trigger, "reason": reason.strip(), "requested_by": requested_by.strip()[:80]}
    values |= {"dry_run": False, **more, "params": dict(more.get("params") or {})}
    read_entry(connection, model)  # raises if the model is unknown
    savepoint = connection.begin_nested()
    try:
        job_id = _insert(connection, values)
        savepoint.commit()
    except sa.exc.IntegrityError:
        savepoint.rollback()
        active = _active(connection, model)
        return None if active is None else StartResult(active.id, active.state, False, _already(active))
    return StartResult(job_id, state, True, f"{'proposed' if state == 'proposed' else 'started'}: job {job_id}")


def read_jobs(database: Database, model: str | None = None, *, limit: int = 50) -> tuple[Job, ...]:
    """Return the jobs of one model, or of all, the newest first."""
    query = sa.select(retrain_job).order_by(retrain_job.c.id.desc()).limit(limit)
    if model is not None:
        query = query.where(retrain_job.c.model == model)
    with reading(database.engine) as connection:
        return tuple(Job(**row._mapping) for row in connection.execute(query))


def read_recent_jobs(database: Database, within: timedelta) -> tuple[Job, ...]:
    """Return the jobs of all models that have not ended, or not for longer, the oldest first."""
    c = retrain_job.c
    with reading(database.engine) as connection:
        is_recent = sa.or_(c.state.not_in(FINAL), c.updated_at > now(connection) - within)
        rows = connection.execute(sa.select(retrain_job).where(is_recent).order_by(c.id))
        return tuple(Job(**row._mapping) for row in rows)


def read_job(database: Database, job_id: int) -> Job:
    """Return one job.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    with reading(database.engine) as connection:
        return read_job_within(connection, job_id)


def read_active_job(database: Database, model: str) -> Job | None:
    """Return the job of a model that has not ended, if there is one."""
    with reading(database.engine) as connection:
        return _active(connection, model)


def read_steps(database: Database, job_id: int) -> tuple[Step, ...]:
    """Return the steps of a job that have begun, in their order."""
    query = sa.select(retrain_step).where(retrain_step.c.job_id == job_id).order_by(retrain_step.c.seq)
    with reading(database.engine) as connection:
        return tuple(Step(**row._mapping) for row in connection.execute(query))


def _active(connection: sa.Connection, model: str) -> Job | None:
    row = connection.execute(sa.select(retrain_job).where(retrain_job.c.active_model == model)).one_or_none()
    return None if row is None else Job(**row._mapping)


def _already(active: Job) -> str:
    if active.state == "proposed":
        return f"already proposed: job {active.id}, by {active.requested_by}; approve it, or refuse it first"
    return f"already running: job {active.id}, started by {active.requested_by}"


def _insert(connection: sa.Connection, values: Mapping[str, Any]) -> int:
    at = now(connection)
    row = dict(values) | {"not_before": at, "created_at": at, "updated_at": at}
    job_id: int = connection.execute(sa.insert(retrain_job).values(row).returning(retrain_job.c.id)).scalar_one()
    detail = {name: values[name] for name in ("reason", "trigger", "dry_run", "params")}
    action = "propose" if values["state"] == "proposed" else "start"
    append_audit(connection, values["requested_by"], action, values["model"], job=job_id, **detail)
    return job_id

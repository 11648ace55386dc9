"""Retrain jobs as people see and steer them: start, approve, refuse, cancel, roll back. Each is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage import registry
from storage.audit import Database, append_audit
from storage.catalogue import Catalogue
from storage.clock import now
from storage.engine import reading, writing
from storage.job_rows import (
    FINAL,
    STEPS,
    TRIALS,
    Job,
    Step,
    Trigger,
    end_job,
    lock_job,
    read_job,
    set_job,
    settle,
    write_step,
)
from storage.schema import retrain_job, retrain_step

__all__ = [
    *("FINAL", "STEPS", "Answer", "Job", "StartResult", "State", "Step", "Trigger"),
    *("active_job", "approve", "cancel", "job", "jobs", "refuse", "rollback", "start", "steps"),
]


@dataclass(frozen=True)
class StartResult:
    """The job that runs now, and whether this call started it."""

    job_id: int
    started: bool
    message: str


@dataclass(frozen=True)
class Answer:
    """Whether a decision took effect, and the sentence for whoever made it."""

    accepted: bool
    message: str


def start(
    source: Database,
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
    for name, value in {"reason": reason, "requested_by": requested_by}.items():
        if not value.strip():
            raise ValueError(f"{name} must be given; got nothing.")
    values: dict[str, Any] = {
        "model": model,
        "active_model": model,
        "state": "queued",
        "step": STEPS[0],
        "trigger": trigger,
    }
    values |= {"reason": reason.strip(), "requested_by": requested_by.strip()[:80]}
    values |= {"params": dict(params or {}), "evidence": evidence, "dry_run": dry_run, "external_ref": external_ref}
    for _ in range(3):
        try:
            with writing(source.engine) as connection:
                return StartResult(job_id := _insert(connection, values), True, f"started: job {job_id}")
        except sa.exc.IntegrityError:
            if active := active_job(source, model):
                message = f"already running: job {active.id}, started by {active.requested_by}"
                return StartResult(active.id, False, message)
    raise ValueError(f"a job of model {model!r} ended while this one was to start; try again.")


def approve(source: Database, job_id: int, by: str, note: str = "") -> Answer:
    """Let a job that waits for a person go on; the first decision counts."""
    return _decide(source, job_id, "approve", by, note)


def refuse(source: Database, job_id: int, by: str, note: str = "") -> Answer:
    """End a job that waits for a person; the first decision counts."""
    return _decide(source, job_id, "refuse", by, note)


def cancel(source: Database, job_id: int, by: str, note: str = "") -> Answer:
    """Stop a job: at once where no worker holds it, else its worker kills the step within seconds.

    A job whose rollout has begun is rolled back.
    """
    _check_name(by)
    with writing(source.engine) as connection:
        row = lock_job(connection, job_id)
        if row.state in FINAL:
            return Answer(False, f"job {job_id} has ended already: {row.state}")
        if row.state == "cancelling":
            return Answer(True, f"job {job_id} is being cancelled already, by {row.cancel_by}")
        append_audit(connection, by, "cancel", row.model, job=job_id, note=note)
        if row.lease_owner is not None and row.lease_until >= now(connection):
            set_job(connection, job_id, state="cancelling", cancel_by=by, note=f"Being cancelled by {by}.")
            return Answer(True, f"job {job_id} is being cancelled")
        state = settle(connection, row, by)
    return Answer(True, f"job {job_id} is {state.replace('_', ' ')}")


def rollback(source: Database, model: str, by: str, note: str = "") -> Answer:
    """Take back the version on trial, or else bring back the previous champion; never waits for a job."""
    _check_name(by)
    with writing(source.engine) as connection:
        current = registry.read_aliases(connection, model)
        trial = current.get("challenger") or current.get("shadow")
        if trial is not None:
            registry.withdraw(connection, model, trial.version, by, note=note)
            job_id = connection.execute(sa.select(retrain_job.c.id).where(retrain_job.c.active_model == model)).scalar()
            if job_id is not None and (row := lock_job(connection, job_id)).step in TRIALS:
                end_job(connection, row.id, "rolled_back", f"Rolled back by {by}. {note}".strip())
            return Answer(True, f"{trial.version} is withdrawn; the champion answers everything")
        swapped = registry.restore_previous(connection, model, by, note=note)
    if swapped is None:
        return Answer(False, f"model {model!r} has no previous champion to go back to")
    return Answer(True, f"{swapped[0]} serves again instead of {swapped[1]}")


def jobs(source: Database, model: str | None = None, *, limit: int = 50) -> tuple[Job, ...]:
    """Return the jobs of one model, or of all, the newest first."""
    query = sa.select(retrain_job).order_by(retrain_job.c.id.desc()).limit(limit)
    if model is not None:
        query = query.where(retrain_job.c.model == model)
    with reading(source.engine) as connection:
        return tuple(Job(**row._mapping) for row in connection.execute(query))


def job(source: Database, job_id: int) -> Job:
    """Return one job.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    with reading(source.engine) as connection:
        return read_job(connection, job_id)


def active_job(source: Database, model: str) -> Job | None:
    """Return the job of a model that has not ended, if there is one."""
    with reading(source.engine) as connection:
        query = sa.select(retrain_job).where(retrain_job.c.active_model == model)
        row = connection.execute(query).one_or_none()
        return None if row is None else Job(**row._mapping)


def steps(source: Database, job_id: int) -> tuple[Step, ...]:
    """Return the steps of a job that have begun, in their order."""
    query = sa.select(retrain_step).where(retrain_step.c.job_id == job_id).order_by(retrain_step.c.seq)
    with reading(source.engine) as connection:
        return tuple(Step(**row._mapping) for row in connection.execute(query))


def _insert(connection: sa.Connection, values: Mapping[str, Any]) -> int:
    Catalogue().entry(connection, values["model"])  # raises if the model is unknown
    at = now(connection)
    row = dict(values) | {"not_before": at, "created_at": at, "updated_at": at}
    job_id: int = connection.execute(sa.insert(retrain_job).values(row).returning(retrain_job.c.id)).scalar_one()
    detail = {name: values[name] for name in ("reason", "trigger", "dry_run", "params")}
    append_audit(connection, values["requested_by"], "start", values["model"], job=job_id, **detail)
    return job_id


def _decide(source: Database, job_id: int, decision: str, by: str, note: str) -> Answer:
    _check_name(by)
    with writing(source.engine) as connection:
        row = lock_job(connection, job_id)
        if row.state != "waiting_approval":
            decided = {"approve": "approved", "refuse": "refused"}.get(row.decision or "")
            what = (
                f"was {decided} already, by {row.decided_by}" if decided else f"does not wait for approval: {row.state}"
            )
            return Answer(False, f"job {job_id} {what}")
        if decision == "approve" and (row.params or {}).get("other_approver") and by == row.requested_by:
            return Answer(False, f"job {job_id} must be approved by another person than {by}, who asked for it")
        at = now(connection)
        made = {"decision": decision, "decided_by": by, "decided_at": at, "decision_note": note}
        write_step(
            connection,
            job_id,
            "approval",
            state="done" if decision == "approve" else "rejected",
            finished_at=at,
            output={"by": by, "note": note},
        )
        append_audit(connection, by, decision, row.model, job=job_id, note=note)
        if decision == "approve":
            set_job(connection, job_id, **made, state="queued", step=row.result["after_approval"], not_before=at)
            return Answer(True, f"job {job_id} is approved")
        registry.withdraw(connection, row.model, row.result["version"], by, job=job_id)
        end_job(connection, job_id, "rejected", f"Refused by {by}. {note}".strip(), **made)
    return Answer(True, f"job {job_id} is refused")


def _check_name(by: str) -> None:
    if not by.strip():
        raise ValueError("by must be the name of a person; got nothing.")

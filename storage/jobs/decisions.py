"""What people decide about jobs: approve, refuse, cancel, retry, promote, roll back. Each is one transaction."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, writing
from storage.database.schema import model_version, retrain_job, retrain_step
from storage.jobs.job_rows import (
    FINAL,
    STEPS,
    TRIALS,
    Registered,
    close_steps,
    end_job,
    lock_job,
    set_job,
    settle,
    write_step,
)
from storage.models import promotion, registry


@dataclass(frozen=True)
class Answer:
    """Whether a decision took effect, and the sentence for whoever made it."""

    accepted: bool
    message: str


def approve(database: Database, job_id: int, by: str, note: str = "") -> Answer:
    """Let a job that waits for a person go on; the first decision counts."""
    return _decide(database, job_id, "approve", by, note)


def refuse(database: Database, job_id: int, by: str, note: str = "") -> Answer:
    """End a job that waits for a person; the first decision counts."""
    return _decide(database, job_id, "refuse", by, note)


def cancel(database: Database, job_id: int, by: str, note: str = "") -> Answer:
    """Stop a job: at once where no worker holds it, else its worker kills the step within seconds.

    A job whose rollout has begun is rolled back.
    """
    _check_name(by)
    with writing(database.engine) as connection:
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


def promote_now(database: Database, job_id: int, by: str, note: str = "") -> Answer:
    """End a trial before its evidence is complete, and let the challenger serve."""
    _check_name(by)
    with writing(database.engine) as connection:
        row = lock_job(connection, job_id)
        if row.state in FINAL or row.step not in ("shadow", "canary"):
            return Answer(False, f"job {job_id} has no challenger on trial: {row.state.replace('_', ' ')}")
        at = now(connection)
        append_audit(connection, by, "promote early", row.model, job=job_id, note=note)
        write_step(connection, job_id, row.step, state="done", finished_at=at)
        # Whoever looks at the trial just now is fenced off.
        free = {"lease_owner": None, "lease_until": None, "fence": row.fence + 1, "not_before": at}
        set_job(connection, job_id, **free, state="queued", step="promote", note=f"To be promoted, says {by}. {note}")
    return Answer(True, f"job {job_id} is to be promoted")


def retry(database: Database, job_id: int, step: str, by: str, note: str = "") -> Answer:
    """Open an ended job again at a step that it had reached; what the steps before it put out is kept.

    Raises
    ------
    ValueError
        If the step does not exist.
    """
    _check_name(by)
    if step not in STEPS:
        raise ValueError(f"step must be one of {', '.join(STEPS)}; got {step!r}.")
    try:
        with writing(database.engine) as connection:
            row = lock_job(connection, job_id)
            if refused := _not_again(connection, row, step):
                return Answer(False, refused)
            _open_again(connection, row, step, by, note)
    except sa.exc.IntegrityError:
        return Answer(False, f"another job of model {row.model!r} is active")
    return Answer(True, f"job {job_id} is tried again from {step}")


def rollback(database: Database, model: str, by: str, note: str = "") -> Answer:
    """Take back the version on trial, or else bring back the previous champion; never waits for a job."""
    _check_name(by)
    with writing(database.engine) as connection:
        # Held before the aliases are read: a promotion that is being written holds it too, and moves them.
        job_id = connection.execute(sa.select(retrain_job.c.id).where(retrain_job.c.active_model == model)).scalar()
        row = None if job_id is None else lock_job(connection, job_id)
        current = registry.read_aliases_within(connection, model)
        trial = current.get("challenger") or current.get("shadow")
        if trial is not None:
            promotion.withdraw(connection, model, trial.version, by, note=note)
            if row is not None and row.state not in FINAL and row.step in TRIALS:
                close_steps(connection, row.id, "cancelled")
                end_job(connection, row.id, "rolled_back", f"Rolled back by {by}. {note}".strip())
            return Answer(True, f"{trial.version} is withdrawn; the champion answers everything")
        swapped = promotion.restore_previous(connection, model, by, note=note)
    if swapped is None:
        return Answer(False, f"model {model!r} has no previous champion to go back to")
    return Answer(True, f"{swapped[0]} serves again instead of {swapped[1]}")


def _decide(database: Database, job_id: int, decision: str, by: str, note: str) -> Answer:
    _check_name(by)
    with writing(database.engine) as connection:
        row = lock_job(connection, job_id)
        if row.state == "proposed":
            return _decide_proposal(connection, row, decision, by, note)
        if row.state != "waiting_approval":
            decided = {"approve": "approved", "refuse": "refused"}.get(row.decision or "")
            what = (
                f"was {decided} already, by {row.decided_by}" if decided else f"does not wait for approval: {row.state}"
            )
            return Answer(False, f"job {job_id} {what}")
        if decision == "approve" and (row.params or {}).get("other_approver") and by == row.requested_by:
            return Answer(False, f"job {job_id} must be approved by another person than {by}, who asked for it")
        at = now(connection)
        version, rollout = _registered(row)
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
            # Wherever the challenger was trained: its rollout takes days, and no run elsewhere waits for that long.
            here = {"external_ref": None, "state": "queued", "step": rollout}
            set_job(connection, job_id, **made, **here, not_before=at)
            return Answer(True, f"job {job_id} is approved")
        promotion.withdraw(connection, row.model, version, by, job=job_id)
        end_job(connection, job_id, "rejected", f"Refused by {by}. {note}".strip(), **made)
    return Answer(True, f"job {job_id} is refused")


def _registered(row: sa.Row[Any]) -> tuple[str, str]:
    """Return the version that a decision is about, and the step that an approval leads to."""
    found = Registered.of(row.result)
    if found.version is None or found.after_approval not in STEPS:
        raise ValueError(f"job {row.id} must hold a version and the step after its approval; got {found.plain()}.")
    return found.version, found.after_approval


def _decide_proposal(connection: sa.Connection, row: sa.Row[Any], decision: str, by: str, note: str) -> Answer:
    """Let a proposed job begin, or end it; whether its challenger may serve is another decision."""
    append_audit(connection, by, f"{decision} proposal", row.model, job=row.id, note=note)
    if decision == "approve":
        set_job(
            connection, row.id, state="queued", not_before=now(connection), note=f"Accepted by {by}. {note}".strip()
        )
        return Answer(True, f"job {row.id} begins")
    made = {"decision": decision, "decided_by": by, "decided_at": now(connection), "decision_note": note}
    end_job(connection, row.id, "rejected", f"The proposal was refused by {by}. {note}".strip(), **made)
    return Answer(True, f"job {row.id} is refused")


def _not_again(connection: sa.Connection, row: sa.Row[Any], step: str) -> str | None:
    """Say why a job cannot be opened again at a step."""
    if row.state not in FINAL:
        return f"job {row.id} has not ended: {row.state.replace('_', ' ')}"
    if row.state == "promoted":
        return f"job {row.id} is promoted: there is nothing to try again"
    c = retrain_step.c
    before = sa.select(c.name).where(c.job_id == row.id, c.state == "done", c.name.in_(STEPS[:6]))
    done = set(connection.execute(before).scalars())
    missing = [name for name in STEPS[: min(STEPS.index(step), 6)] if name not in done]
    if missing:
        return f"job {row.id} never came to the end of {missing[0]}: retry from there or from before it"
    asks = (row.params or {}).get("needs_approval", True)
    if STEPS.index(step) > STEPS.index("approval") and asks and row.decision != "approve":
        return f"job {row.id} was never approved: retry from approval or from before it"
    return None


def _open_again(connection: sa.Connection, row: sa.Row[Any], step: str, by: str, note: str) -> None:
    at, first = now(connection), STEPS.index(step)
    connection.execute(sa.delete(retrain_step).where(retrain_step.c.job_id == row.id, retrain_step.c.seq >= first))
    result = {name: value for name, value in (row.result or {}).items() if name != "canary"}
    decided = {name: getattr(row, name) for name in ("decision", "decided_by", "decided_at", "decision_note")}
    if first <= STEPS.index("approval"):
        decided = dict.fromkeys(decided)
    if first <= STEPS.index("register") and result.pop("version", None):
        # What is trained anew gets a name of its own: rows were perhaps answered under the old one.
        c = model_version.c
        connection.execute(sa.update(model_version).where(c.job_id == row.id).values(job_id=None))
    waits = step == "approval"
    if waits:
        write_step(connection, row.id, step, state="waiting", started_at=at)
    opened = {"state": "waiting_approval" if waits else "queued", "step": step, "active_model": row.model}
    # Wherever it ran: a run elsewhere is over, our own workers go on.
    opened |= {
        "external_ref": None,
        "not_before": at,
        "cancel_by": None,
        "progress": 0.0,
        "note": f"Tried again from {step} by {by}. {note}",
    }
    set_job(connection, row.id, **opened, **decided, result=result)
    append_audit(connection, by, "retry", row.model, job=row.id, step=step, note=note)


def _check_name(by: str) -> None:
    if not by.strip():
        raise ValueError("by must be the name of a person; got nothing.")

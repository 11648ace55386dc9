"""The rows of retrain jobs and their steps, and the changes that both people and workers make to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from storage.database.clock import now
from storage.database.schema import retrain_job, retrain_step
from storage.models import promotion

Open = Literal["proposed", "queued", "running", "waiting_approval", "canary", "cancelling"]
Final = Literal["promoted", "rejected", "rolled_back", "cancelled", "failed"]
State = Open | Final
StepState = Literal["running", "waiting", "done", "rejected", "failed", "cancelled"]
Trigger = Literal["manual", "drift", "performance", "schedule", "continuous", "api"]
FINAL: frozenset[State] = frozenset(get_args(Final))
STEPS = (
    *("precheck", "collect", "validate", "train", "evaluate", "register"),
    *("approval", "shadow", "canary", "promote"),
)
TRIALS = ("shadow", "canary", "promote")
# Steps that are repeated for as long as a trial lasts; between two rounds they wait.
ROUNDS = ("shadow", "canary")


@dataclass(frozen=True)
class Job:
    """A retrain job, field by field as the table has it; retrain.md says what the states mean."""

    id: int
    model: str
    active_model: str | None
    state: State
    trigger: Trigger
    reason: str
    requested_by: str
    evidence: Mapping[str, Any] | None
    params: Mapping[str, Any] | None
    dry_run: bool
    step: str | None
    progress: float
    note: str | None
    not_before: datetime
    lease_owner: str | None
    lease_until: datetime | None
    fence: int
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    cancel_by: str | None
    external_ref: str | None
    created_at: datetime
    updated_at: datetime
    result: Mapping[str, Any] | None

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in FINAL

    @property
    def version(self) -> str | None:
        """The version that it has registered; None before that."""
        return Registered.of(self.result).version


@dataclass(frozen=True)
class Registered:
    """What the tables act on of a job's result: the version that it made, and the step that an approval leads to."""

    version: str | None = None
    after_approval: str | None = None

    def plain(self) -> dict[str, str]:
        """Return what is known as the job's result keeps it."""
        known = {"version": self.version, "after_approval": self.after_approval}
        return {name: value for name, value in known.items() if value is not None}

    @classmethod
    def of(cls, result: Mapping[str, Any] | None) -> "Registered":
        """Read the result of a job; what no step has found out yet is None."""
        found = result or {}
        return cls(found.get("version"), found.get("after_approval"))


@dataclass(frozen=True)
class Step:
    """One step of a job: its last attempt, its output and the end of its log."""

    job_id: int
    seq: int
    name: str
    state: StepState
    attempt: int
    failures: int
    crashes: int
    started_at: datetime | None
    finished_at: datetime | None
    output: Mapping[str, Any] | None
    error: str | None
    log: str | None


def read_job_within(connection: sa.Connection, job_id: int) -> Job:
    """Return one job.

    Raises
    ------
    ValueError
        If there is no such job.
    """
    return Job(**_job_row(connection, job_id)._mapping)


def lock_job(connection: sa.Connection, job_id: int) -> sa.Row[Any]:
    """Return a job's row, held against everyone else until the transaction ends."""
    return _job_row(connection, job_id, lock=True)


def set_job(connection: sa.Connection, job_id: int, **values: Any) -> None:
    """Change fields of a job."""
    at = now(connection)
    connection.execute(sa.update(retrain_job).where(retrain_job.c.id == job_id).values(values | {"updated_at": at}))


def end_job(connection: sa.Connection, job_id: int, state: State, note: str, **values: Any) -> None:
    """Bring a job to a final state; whoever still works on it is fenced off, and the model is free for the next."""
    values |= {"state": state, "note": note, "active_model": None, "lease_owner": None, "lease_until": None}
    set_job(connection, job_id, **values, fence=retrain_job.c.fence + 1)


def settle(connection: sa.Connection, row: sa.Row[Any], by: str) -> State:
    """End a job that is to be cancelled: withdraw its version if there is one."""
    name = Registered.of(row.result).version
    if name is not None:
        promotion.withdraw(connection, row.model, name, by, job=row.id)
    state: State = "rolled_back" if name is not None and row.step in TRIALS else "cancelled"
    end_job(connection, row.id, state, f"Cancelled by {by} at step {row.step}.", cancel_by=by)
    close_steps(connection, row.id, "cancelled")
    return state


def close_steps(connection: sa.Connection, job_id: int, state: StepState) -> None:
    """End the steps of a job that run or wait."""
    c = retrain_step.c
    open_steps = sa.update(retrain_step).where(c.job_id == job_id, c.state.in_(("running", "waiting")))
    connection.execute(open_steps.values(state=state, finished_at=now(connection)))


def write_step(connection: sa.Connection, job_id: int, name: str, **values: Any) -> None:
    """Insert or change the row of a step."""
    c = retrain_step.c
    seq = STEPS.index(name)
    changed = connection.execute(
        sa.update(retrain_step).where(c.job_id == job_id, c.seq == seq).values(values)
    ).rowcount
    if not changed:
        row = {"job_id": job_id, "seq": seq, "name": name, "attempt": 1} | values
        connection.execute(sa.insert(retrain_step).values(row))


def _job_row(connection: sa.Connection, job_id: int, *, lock: bool = False) -> sa.Row[Any]:
    query = sa.select(retrain_job).where(retrain_job.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ValueError(f"job must be the number of a retrain job; got {job_id}.")
    return row

"""Runs one attempt of one step of a job, and writes what it came to."""

from collections.abc import Callable
from pathlib import Path

from retrain.models.artifacts import RefusedArtifact
from retrain.models.rows import ChangedRows
from retrain.params import RetrainParams
from retrain.steps import data, rollout, training
from retrain.steps.context import Context, reject
from storage.jobs import leases, queue
from storage.jobs.job_rows import ROUNDS, TRIALS
from storage.jobs.leases import Outcome, Ticket
from storage.log import PredictionLog

STEPS: dict[str, Callable[[Context], Outcome]] = {
    "precheck": data.precheck,
    "collect": data.collect,
    "validate": data.validate,
    "train": training.train,
    "evaluate": training.evaluate,
    "register": training.register,
    "shadow": rollout.shadow,
    "canary": rollout.canary,
    "promote": rollout.promote,
}
# How much of a job's work is behind it when a step begins, and how much the step adds.
_SHARES = {
    "precheck": (0.0, 0.05),
    "collect": (0.05, 0.15),
    "validate": (0.2, 0.1),
    "train": (0.3, 0.4),
    "evaluate": (0.7, 0.2),
    "register": (0.9, 0.05),
    "promote": (0.95, 0.05),
}


def run_step(log: PredictionLog, artifacts: Path, ticket: Ticket) -> None:
    """Run the step that a ticket is for, and commit its outcome if the ticket is still valid then.

    Raises
    ------
    storage.jobs.leases.FencedOff
        If another worker holds the job now, or it is being cancelled; nothing is written then.
    ValueError
        If this release has no such step.
    """
    if ticket.step not in STEPS:
        raise ValueError(f"step must be one of {', '.join(STEPS)}; got {ticket.step!r}.")
    leases.commit(log, ticket, _outcome(log, artifacts, ticket))


def _outcome(log: PredictionLog, artifacts: Path, ticket: Ticket) -> Outcome:
    job = queue.read_job(log, ticket.job_id)
    try:
        params = RetrainParams.from_mapping(job.params)
    except (ValueError, TypeError) as error:
        if ticket.step in TRIALS:  # a rejected job would leave its challenger on trial: failures roll it back
            raise
        return reject(f"The job cannot be run as asked: {error}")
    context = Context(
        log=log,
        artifacts=artifacts,
        job=job,
        params=params,
        fence=ticket.fence,
        outputs={step.name: step.output or {} for step in queue.read_steps(log, ticket.job_id) if step.state == "done"},
        progress=_reporter(log, ticket),
    )
    context.progress(0.0, f"{ticket.step} began")
    try:
        return STEPS[ticket.step](context)
    except (RefusedArtifact, ChangedRows) as error:  # trying again would not help
        return reject(f"{ticket.step} was refused: {error}")


def advance(log: PredictionLog, artifacts: Path, owner: str, job_id: int | None = None) -> bool:
    """Claim the next step that is due and run it in this process; return whether there was one.

    A step that fails is written down and tried again later.
    """
    ticket = leases.claim(log, owner, job_id=job_id)
    if ticket is None:
        return False
    try:
        run_step(log, artifacts, ticket)
    except leases.FencedOff:
        pass  # whoever holds the job now writes its outcome
    except Exception as error:  # whatever it was, the job must not hang: it is counted and tried again
        leases.fail(log, ticket, f"{type(error).__name__}: {error}")
    return True


def _reporter(log: PredictionLog, ticket: Ticket) -> Callable[[float, str], None]:
    before, own = _SHARES.get(ticket.step, (0.0, 0.0))

    def report(share: float, note: str) -> None:
        print(f"{ticket.step}: {note}", flush=True)
        if ticket.step in ROUNDS:  # what the last look found says more than that the next one has begun
            return
        leases.report(log, ticket, before + own * share, note[:1].upper() + note[1:] + ".")

    return report

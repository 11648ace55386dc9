"""A job whose steps run elsewhere, one command each: `begin`, `step`, `gate`, `end`. The database stays the truth."""

import signal
from datetime import timedelta

from retrain.workers import github, processes
from retrain.workers.worker import Worker
from storage.database.settings import Settings
from storage.jobs import decisions, dispatches, leases, queue
from storage.jobs.decisions import Answer
from storage.jobs.job_rows import STEPS, TRIALS, Job
from storage.jobs.leases import LEASE
from storage.log import PredictionLog

# The name of whichever step an approval leads to.
ROLLOUT = "rollout"


def begin(log: PredictionLog, model: str, reason: str, by: str, job: str, run_url: str) -> int:
    """Let a run take over the job that it was started for, or start one if a person began the run; return its number.

    Parameters
    ----------
    model : the job's; may be empty where the log holds one model only
    job : the number of the job, or nothing

    Raises
    ------
    ValueError
        If the job has ended or runs already, or another one of the model is active.
    """
    if job:
        if not job.isdecimal():
            raise ValueError(f"job must be the number of a retrain job; got {job!r}.")
        return dispatches.adopt(log, int(job), run_url, by).id
    started = queue.start(log, model or _only_model(log), reason, by, external_ref=run_url)
    if not started.started and queue.read_job(log, started.job_id).external_ref != run_url:
        raise ValueError(f"a run of its own must be the only one; {started.message}.")
    return started.job_id


def run_step(settings: Settings, log: PredictionLog, job_id: int, step: str, lease: timedelta = LEASE) -> Job:
    """Run one step of a job to its end, with a lease and repeats like any worker; return the job as it is then.

    A step that is done already is not repeated.

    Raises
    ------
    ValueError
        If there is no such step, or the job is not there yet.
    """
    if step not in (*STEPS, ROLLOUT):
        raise ValueError(f"step must be one of {', '.join(STEPS)} or {ROLLOUT}; got {step!r}.")
    worker = Worker(settings, poll=0.5, lease=lease, listed=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    wanted = TRIALS if step == ROLLOUT else (step,)
    while not worker.stop.is_set() and not _is_past(log, job := queue.read_job(log, job_id), step):
        if job.step is None or STEPS.index(job.step) < STEPS.index(wanted[0]):
            raise ValueError(f"step must be the next one of job {job_id}, {job.step}; got {step!r}.")
        leases.settle_abandoned(log)
        ticket = leases.claim(log, worker.id, lease, job_id=job_id, steps=wanted)
        if ticket is None:
            worker.stop.wait(worker.poll)
            continue
        worker.hold(log, ticket)
        print(processes.tail(worker.log_file(ticket)), flush=True)
    return queue.read_job(log, job_id)


def gate(settings: Settings, log: PredictionLog, job_id: int, run_id: str) -> Answer:
    """Take over what the reviewers of GitHub's environment decided about a run.

    Nothing is approved that nobody was asked about: an environment without reviewers lets every run pass.
    """
    job = queue.read_job(log, job_id)
    if job.decision is not None:
        said = {"approve": "approved", "refuse": "refused"}[job.decision]
        return Answer(job.decision == "approve", f"job {job_id} was {said} already, by {job.decided_by}")
    found = github.approval(settings, run_id)
    if found is None:
        needed = f"give the environment {github.ENVIRONMENT} required reviewers, or decide in the dashboard"
        return Answer(False, f"job {job_id} still waits for a person: {needed}")
    if found.approved:
        return decisions.approve(log, job_id, found.by, found.note)
    refused = decisions.refuse(log, job_id, found.by, found.note)
    return Answer(False, refused.message)


def end(settings: Settings, log: PredictionLog, job_id: int, by: str, run_id: str) -> Answer:
    """Settle a job whose run is over: nothing of it may stay open without anybody who works on it."""
    job = queue.read_job(log, job_id)
    if job.is_final or job.external_ref is None:
        return Answer(True, f"job {job_id} is {job.state.replace('_', ' ')}")
    if job.state == "waiting_approval":
        return gate(settings, log, job_id, run_id)
    return decisions.cancel(log, job_id, by, "its run ended before the job did")


def _is_past(log: PredictionLog, job: Job, step: str) -> bool:
    if job.is_final:
        return True
    if step == ROLLOUT:
        return any(
            begun.name in TRIALS and begun.state in ("done", "waiting") for begun in queue.read_steps(log, job.id)
        )
    return job.step is not None and STEPS.index(job.step) > STEPS.index(step)


def _only_model(log: PredictionLog) -> str:
    known = log.models()
    if len(known) != 1:
        raise ValueError(f"model must be given, one of {', '.join(known) or 'none so far'}; got nothing.")
    return known[0]

"""Who runs the jobs: a worker of our own, started when none is alive, or GitHub, which that worker asks."""

import logging
import os
import subprocess
from dataclasses import dataclass

from retrain.workers import github, processes
from storage.alerts import messages
from storage.database.engine import DatabaseFault
from storage.database.settings import Settings
from storage.jobs import dispatches
from storage.jobs.workers import DatabaseAway, read_live_workers
from storage.log import PredictionLog, open_log

_log = logging.getLogger(__name__)
# The workers that this process started: one that is still importing has not shown itself in the table yet.
_started: dict[str, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Found:
    """Who works on jobs: `worker` names it, or is "none, because ..." as programs read it; `said` is a sentence."""

    worker: str
    said: str

    def __str__(self) -> str:
        return self.said

    @property
    def is_there(self) -> bool:
        """Whether there is a worker, be it one that is just starting."""
        return not self.worker.startswith("none")


def ensure_worker(settings: Settings) -> Found:
    """Start a worker unless one is alive or another program is in charge of them; say which, or why there is none.

    Nothing is raised: whoever asks has committed a job or a decision, which stands whether a worker can be started
    or not. It outlives this process for as long as a job is to be worked on. Two processes that ask at once may start
    two workers: that is harmless, a job has one holder.
    """
    try:
        return _found_or_started(settings)
    except Exception as error:  # whatever it is, the job waits for the next worker
        _log.exception("No worker can be started.")
        why = _why(error)
        said = f"No worker can be started: {why}. Jobs wait until one is alive."
        return Found(f"none, because it cannot be started: {why}", said)


def _found_or_started(settings: Settings) -> Found:
    log = open_log(settings.database_url)
    try:
        alive = read_live_workers(log)
    finally:
        log.close()
    if alive:
        worker = f"process {alive[0].pid} on {alive[0].host}"
        return Found(worker, f"A worker is alive: {worker}.")
    if settings.worker != "auto":
        why = "DRIFT_WORKER is external: start one with python -m retrain worker"
        return Found(f"none, because none is alive and {why}", f"No worker is alive and {why}.")
    return _start(settings)


def _why(error: Exception) -> str:
    """Say what kept a worker from starting: no address of a database and no folder, for programs read it elsewhere."""
    if isinstance(error, (DatabaseFault, *DatabaseAway)):
        return "the database does not answer"
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def look_after(log: PredictionLog, settings: Settings) -> str | None:
    """See to it that a worker lives, and that somebody looks for alerts; say what was done, None if nothing had to be.

    The worker of a process that served before may have been listed when this one began, and has ended since.
    """
    if settings.worker == "auto" and not read_live_workers(log):
        return _start(settings).said
    return ensure_alerts(log, settings)


def ensure_alerts(log: PredictionLog, settings: Settings) -> str | None:
    """See to it that somebody looks for alerts where a channel is set; say what was done, None if nothing had to be.

    A worker that lives without the channel, or began for one job and has ended, looks for none: this process then
    starts one of its own. The worker that it has started already sees to its own processes.
    """
    if not settings.alert_url or messages.read_delivery(log).is_watched:
        return None
    if settings.worker != "auto":
        return "Nobody looks for alerts and DRIFT_WORKER is external: start a worker that has DRIFT_ALERT_URL."
    return _start(settings).said


def _start(settings: Settings) -> Found:
    starting = _started.get(settings.database_url)
    if starting is not None and starting.poll() is None:
        return Found(f"process {starting.pid}, starting", f"A worker is starting: process {starting.pid}.")
    log_file = settings.artifacts.parent / "log" / "worker.log"
    process = processes.start(settings, ["worker", f"--parent={os.getpid()}"], log_file)
    _started[settings.database_url] = process
    said = f"A worker was started: process {process.pid}, log in {log_file}."
    return Found(f"process {process.pid}, starting", said)


def ask_next(log: PredictionLog, settings: Settings, owner: str) -> bool:
    """Ask GitHub to run the oldest new job, and note on the job what came of it; return whether there was one.

    Before every request a run of the job is looked for: an answer that was lost, or a worker that died before it could
    write it down, must not make a second run.
    """
    job = dispatches.take(log, owner)
    if job is None:
        return False
    try:
        found = github.find_run(settings, job.model, job.id, job.created_at)
        url = found or github.dispatch(settings, job.model, job.id, job.reason)
    except github.GitHubFault as fault:
        if fault.passes:
            dispatches.postpone(log, job, fault.wait, str(fault))
        else:
            dispatches.give_up(log, job, str(fault))
    else:
        where = url or f"the Actions page of {settings.github_repository}"
        dispatches.accept(log, job, url, f"GitHub has accepted the run: {where}.")
    return True

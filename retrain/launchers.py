"""Who runs the jobs: a worker of our own, started when none is alive, or GitHub, which that worker asks."""

import os
import subprocess

from retrain import github, processes
from storage import alerts, dispatches
from storage.log import PredictionLog, open_log
from storage.settings import Settings
from storage.workers import live_workers

# The workers that this process started: one that is still importing has not shown itself in the table yet.
_started: dict[str, subprocess.Popen[bytes]] = {}


def ensure_worker(settings: Settings) -> str:
    """Start a worker unless one is alive or another program is in charge of them; say which.

    It outlives this process for as long as a job is to be worked on. Two processes that ask at once may start two
    workers: that is harmless, a job has one holder.
    """
    log = open_log(settings.database_url)
    try:
        alive = live_workers(log)
    finally:
        log.close()
    if alive:
        return f"A worker is alive: process {alive[0].pid} on {alive[0].host}."
    if settings.worker != "auto":
        return "No worker is alive and DRIFT_WORKER is external: start one with python -m retrain worker."
    return _start(settings)


def look_after(log: PredictionLog, settings: Settings) -> str | None:
    """See to it that a worker lives, and that somebody looks for alerts; say what was done, None if nothing had to be.

    The worker of a process that served before may have been listed when this one began, and has ended since.
    """
    if settings.worker == "auto" and not live_workers(log):
        return _start(settings)
    return ensure_alerts(log, settings)


def ensure_alerts(log: PredictionLog, settings: Settings) -> str | None:
    """See to it that somebody looks for alerts where a channel is set; say what was done, None if nothing had to be.

    A worker that lives without the channel, or began for one job and has ended, looks for none: this process then
    starts one of its own. The worker that it has started already sees to its own processes.
    """
    if not settings.alert_url or alerts.read_delivery(log).is_watched:
        return None
    if settings.worker != "auto":
        return "Nobody looks for alerts and DRIFT_WORKER is external: start a worker that has DRIFT_ALERT_URL."
    return _start(settings)


def _start(settings: Settings) -> str:
    starting = _started.get(settings.database_url)
    if starting is not None and starting.poll() is None:
        return f"A worker is starting: process {starting.pid}."
    log_file = settings.artifacts.parent / "log" / "worker.log"
    process = processes.start(settings, ["worker", f"--parent={os.getpid()}"], log_file)
    _started[settings.database_url] = process
    return f"A worker was started: process {process.pid}, log in {log_file}."


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

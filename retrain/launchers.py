"""Who runs the jobs: a worker of our own, started when none is alive."""

import os
import subprocess

from retrain import processes
from storage.log import open_log
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
    starting = _started.get(settings.database_url)
    if starting is not None and starting.poll() is None:
        return f"A worker is starting: process {starting.pid}."
    log_file = settings.artifacts.parent / "log" / "worker.log"
    process = processes.start(settings, ["worker", f"--parent={os.getpid()}"], log_file)
    _started[settings.database_url] = process
    return f"A worker was started: process {process.pid}, log in {log_file}."

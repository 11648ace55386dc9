"""The process that runs one step: it alone imports scikit-learn, and it ends by itself when nobody waits for it."""

import os
import threading
import traceback
from pathlib import Path

from retrain.steps.pipeline import run_step
from retrain.workers.worker import FENCED_OFF
from storage.database.settings import Settings
from storage.jobs import leases
from storage.jobs.leases import FencedOff, Ticket
from storage.jobs.workers import DatabaseAway
from storage.log import PredictionLog, open_log

_LOOK_SECONDS = 1.0


def run(settings: Settings, ticket: Ticket, parent: int) -> int:
    """Run a step and commit its outcome; return the exit code."""
    log, done = open_log(settings.database_url), threading.Event()
    threading.Thread(target=_watch, args=(log, ticket, parent, done), daemon=True).start()
    try:
        run_step(log, Path(settings.artifacts), ticket)
    except FencedOff as error:
        print(f"Nothing is written: {error}", flush=True)
        return FENCED_OFF
    except Exception as error:  # the worker counts it, and shows the last line of this log
        traceback.print_exc()
        print(f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
        return 1
    finally:
        done.set()
        log.close()
    return 0


def _watch(log: PredictionLog, ticket: Ticket, parent: int, done: threading.Event) -> None:
    """End the process when its worker is dead, or another one holds the job."""
    while not done.wait(_LOOK_SECONDS):
        # The parent's number is passed in: reading it here would race with the parent's death.
        if (os.getppid() != parent or _is_lost(log, ticket)) and not done.is_set():
            print("This attempt has no holder any more; it ends.", flush=True)
            os._exit(FENCED_OFF)


def _is_lost(log: PredictionLog, ticket: Ticket) -> bool:
    try:
        return leases.read_holder_state(log, ticket) in (None, "cancelling")
    except DatabaseAway as error:
        print(f"The database does not answer: {error}", flush=True)
        return False  # the commit will show who holds the job

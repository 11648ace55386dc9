"""The worker: claims the steps of jobs, runs each in a child process and takes care that it ends."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from retrain import processes
from storage import jobs, leases, workers
from storage.leases import LEASE, Ticket
from storage.log import PredictionLog, open_log
from storage.settings import Settings

# A child that lost its job ends with this code: its step counts neither as done nor as failed.
FENCED_OFF = 75
_BEAT_SECONDS = 5.0
_RETRY_SECONDS = 5.0
_ENDING_SECONDS = 2.0


@dataclass
class Worker:
    """One worker process; `stop` ends it, and hands back the step that it was running.

    With a `parent` it also ends once that process is gone and no job is to be worked on.
    """

    settings: Settings
    poll: float = 0.3
    lease: timedelta = LEASE
    parent: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    id: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[-120:])
    _beat_at: float = 0.0

    def run(self) -> None:
        """Work until asked to stop; a database that is away for a while is waited for."""
        log = open_log(self.settings.database_url)
        _say(f"worker {self.id} is ready")
        try:
            while not self.stop.is_set():
                try:
                    self._turn(log)
                except workers.DatabaseAway as error:
                    _say(f"the database does not answer, next try in {_RETRY_SECONDS:.0f} s: {error}")
                    self.stop.wait(_RETRY_SECONDS)
            workers.leave(log, self.id)
        finally:
            log.close()
        _say(f"worker {self.id} has ended")

    def _turn(self, log: PredictionLog) -> None:
        self._beat(log)
        ticket = leases.claim(log, self.id, self.lease)
        if ticket is not None:
            self._hold(log, ticket)
        elif self.parent is not None and os.getppid() != self.parent and not _has_work(log):
            _say("whoever started this worker is gone, and no job is to be worked on")
            self.stop.set()
        else:
            self.stop.wait(self.poll)

    def _beat(self, log: PredictionLog) -> None:
        if time.monotonic() >= self._beat_at:
            workers.beat(log, self.id, socket.gethostname()[:80], os.getpid(), "1")
            leases.settle_abandoned(log)
            self._beat_at = time.monotonic() + _BEAT_SECONDS

    def _hold(self, log: PredictionLog, ticket: Ticket) -> None:
        """Run one attempt of a step and keep its lease until its process is gone."""
        _say(f"job {ticket.job_id}: {ticket.step}, attempt {ticket.attempt}")
        folder = self.settings.artifacts / "jobs" / str(ticket.job_id)
        log_file = folder / f"{ticket.step}-{ticket.attempt}.log"
        child = processes.start(self.settings, _arguments(ticket), log_file)
        try:
            self._watch(log, ticket, child, log_file)
        finally:
            processes.end(child)
        leases.write_log_tail(log, ticket, processes.tail(log_file))
        try:
            self._account(log, ticket, child.returncode, log_file)
        except leases.FencedOff:
            _say(f"job {ticket.job_id}: {ticket.step} has another holder or is written already")

    def _watch(self, log: PredictionLog, ticket: Ticket, child: subprocess.Popen[bytes], log_file: Path) -> None:
        """Wait for the child; return early when the lease is lost, a cancel is asked for or the worker is to stop."""
        renew_every = self.lease.total_seconds() / 4
        renew_at, shown = time.monotonic() + renew_every, ""
        while not self.stop.is_set():
            try:
                child.wait(self.poll)
                return
            except subprocess.TimeoutExpired:
                self._beat(log)
            state = leases.holder_state(log, ticket)
            if state == "cancelling":
                return
            if state is None:
                # Mostly it has just written its outcome and is about to end.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(_ENDING_SECONDS)
                return
            if time.monotonic() >= renew_at:
                leases.renew(log, ticket, self.lease)
                renew_at = time.monotonic() + renew_every
            if (said := processes.tail(log_file)) != shown:
                leases.write_log_tail(log, ticket, shown := said)

    def _account(self, log: PredictionLog, ticket: Ticket, code: int, log_file: Path) -> None:
        """Write what the child did not write itself: a cancel, a failure or a crash."""
        if leases.holder_state(log, ticket) == "cancelling":
            leases.finish_cancel(log, ticket)
        elif code in (0, FENCED_OFF):
            return
        elif self.stop.is_set():
            leases.hand_back(log, ticket)
        elif code < 0:
            leases.fail(log, ticket, f"its process was ended by {signal.Signals(-code).name}", crashed=True)
        else:
            last = processes.tail(log_file).strip().rpartition("\n")[2]
            leases.fail(log, ticket, last[:500] or f"its process ended with code {code}")


def _has_work(log: PredictionLog) -> bool:
    open_jobs = (job for job in jobs.jobs(log) if not job.is_final and job.external_ref is None)
    return any(job.state != "waiting_approval" for job in open_jobs)


def _arguments(ticket: Ticket) -> list[str]:
    values = {"job": ticket.job_id, "step": ticket.step, "attempt": ticket.attempt, "fence": ticket.fence}
    values |= {"model": ticket.model, "parent": os.getpid()}
    return ["step", *(f"--{name}={value}" for name, value in values.items())]


def _say(what: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), what, flush=True)

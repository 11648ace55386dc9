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

from retrain.triggers import schedules
from retrain.workers import launchers, processes
from retrain.workers.alert_process import AlertProcess
from storage.database.engine import DatabaseFault
from storage.database.settings import Settings
from storage.jobs import leases, queue, triggers, workers
from storage.jobs.dispatches import ASKED
from storage.jobs.job_rows import TRIALS
from storage.jobs.leases import LEASE, Ticket
from storage.log import PredictionLog, open_log

# A child that lost its job ends with this code: its step counts neither as done nor as failed.
FENCED_OFF = 75
_SEGMENTS_A_BEAT = 16
_BEAT_SECONDS = 5.0
_RETRY_SECONDS = 5.0
_ENDING_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 30.0
_LONGEST_LOOK_SECONDS = 600.0


@dataclass
class Worker:
    """One worker process; `stop` ends it, and hands back the step that it was running.

    With a `parent` it also ends once that process is gone and no job is to be worked on. One that works on a single
    job elsewhere is not `listed`: nobody should rely on it for other jobs.
    """

    settings: Settings
    poll: float = 0.3
    lease: timedelta = LEASE
    parent: int | None = None
    listed: bool = True
    stop: threading.Event = field(default_factory=threading.Event)
    id: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[-120:])
    _beat_at: float = 0.0
    _looking: subprocess.Popen[bytes] | None = None
    _look_until: float = 0.0
    _alerts: AlertProcess = field(default_factory=AlertProcess)

    def run(self) -> None:
        """Work until asked to stop; a database that is away, at the start or later, is waited for.

        Raises
        ------
        storage.database.engine.DatabaseFault
            If the database will not be of use however long one waits, such as one of a newer release.
        """
        log = self._open()
        if log is None:
            return
        _say(f"worker {self.id} is ready")
        try:
            while not self.stop.is_set():
                try:
                    self._turn(log)
                except workers.DatabaseAway as error:
                    _say(f"the database does not answer, next try in {_RETRY_SECONDS:.0f} s: {error}")
                    self.stop.wait(_RETRY_SECONDS)
            with contextlib.suppress(*workers.DatabaseAway):  # its row goes by itself in a day
                workers.leave(log, self.id)
        finally:
            self.end_children()
            log.close()
        _say(f"worker {self.id} has ended")

    def end_children(self) -> None:
        """End the processes that look at triggers and for alerts."""
        self._alerts.end()
        if self._looking is not None:
            processes.end(self._looking)

    def _open(self) -> PredictionLog | None:
        """Open the database as soon as it answers; None if asked to stop before."""
        pause = 1.0
        while not self.stop.is_set():
            try:
                return open_log(self.settings.database_url)
            except DatabaseFault as error:
                if not isinstance(error.__cause__, workers.DatabaseAway):
                    raise
                _say(f"the database does not answer yet, next try in {pause:.0f} s: {error}")
            self.stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return None

    def _turn(self, log: PredictionLog) -> None:
        self.beat(log)
        own_steps = TRIALS if self.settings.launcher == "github" else ()
        if own_steps and launchers.ask_next(log, self.settings, self.id):
            return
        ticket = leases.claim(log, self.id, self.lease, steps=own_steps)
        if ticket is not None:
            self.hold(log, ticket)
        elif self.parent is not None and os.getppid() != self.parent and not _has_work(log):
            _say("whoever started this worker is gone, and no job is to be worked on")
            self.stop.set()
        else:
            self.stop.wait(self.poll)

    def beat(self, log: PredictionLog) -> None:
        """Show that this worker lives, and end what a dead one was to cancel; every few seconds at most."""
        if time.monotonic() >= self._beat_at:
            if self.listed:
                workers.beat(log, self.id, socket.gethostname()[:80], os.getpid(), "1")
            leases.settle_abandoned(log)
            if self.listed:
                if said := self._alerts.keep(self.settings):
                    _say(said)
                self._start_by_rule(log)
                # What late rows and new references left to do: in the background, so that no request waits for it.
                for model in log.models():
                    log.catch_up(model, max_segments=_SEGMENTS_A_BEAT)
            self._beat_at = time.monotonic() + _BEAT_SECONDS

    def _start_by_rule(self, log: PredictionLog) -> None:
        """Fire the schedules that are due; triggers compute, so a process of their own looks at them."""
        for said in schedules.tick(log):
            _say(said)
        if self._looking is not None and self._looking.poll() is None:
            if time.monotonic() > self._look_until:
                _say("a look at the triggers took too long and is ended")
                processes.end(self._looking)
            return
        self._looking = None
        if triggers.read_due_triggers(log):
            self._looking = processes.start(self.settings, ["look"], self.settings.artifacts / "jobs" / "look.log")
            self._look_until = time.monotonic() + _LONGEST_LOOK_SECONDS

    def hold(self, log: PredictionLog, ticket: Ticket) -> None:
        """Run one attempt of a step and keep its lease until its process is gone."""
        _say(f"job {ticket.job_id}: {ticket.step}, attempt {ticket.attempt}")
        log_file = self.log_file(ticket)
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

    def log_file(self, ticket: Ticket) -> Path:
        """Where an attempt writes its log; the many looks of a trial share one."""
        name = ticket.step if ticket.step in ("shadow", "canary") else f"{ticket.step}-{ticket.attempt}"
        return self.settings.artifacts / "jobs" / str(ticket.job_id) / f"{name}.log"

    def _watch(self, log: PredictionLog, ticket: Ticket, child: subprocess.Popen[bytes], log_file: Path) -> None:
        """Wait for the child; return early when the lease is lost, a cancel is asked for or the worker is to stop."""
        renew_every = self.lease.total_seconds() / 4
        renew_at, shown = time.monotonic() + renew_every, ""
        while not self.stop.is_set():
            try:
                child.wait(self.poll)
                return
            except subprocess.TimeoutExpired:
                self.beat(log)
            state = leases.read_holder_state(log, ticket)
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
        if leases.read_holder_state(log, ticket) == "cancelling":
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
    open_jobs = (job for job in queue.read_jobs(log) if not job.is_final and job.external_ref in (None, ASKED))
    return any(job.state not in ("proposed", "waiting_approval") for job in open_jobs)


def _arguments(ticket: Ticket) -> list[str]:
    values = {"job": ticket.job_id, "step": ticket.step, "attempt": ticket.attempt, "fence": ticket.fence}
    values |= {"model": ticket.model, "parent": os.getpid()}
    return ["step", *(f"--{name}={value}" for name, value in values.items())]


def _say(what: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), what, flush=True)

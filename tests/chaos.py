"""Kill workers and steps at random while jobs run, let people decide against each other, and see what is left.

`python -m tests.chaos` runs the long form on SQLite and on a PostgreSQL server of its own; the tests run a short
one. The instants come from a seed.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from retrain.workers import processes
from storage import open_log
from storage.database.audit import read_audit
from storage.database.engine import reading, writing
from storage.database.settings import Settings
from storage.jobs import decisions, queue
from storage.jobs.workers import read_live_workers
from storage.log import PredictionLog
from storage.models import registry
from tests.conftest import postgres_database, postgres_process
from tests.retrain.conftest import fill

PARAMS = {"window_rows": 1500, "holdout_share": 0.25, "rollout": "direct"}
_LONGEST_SECONDS = 600


@dataclass
class Crew:
    """The worker processes; one that was killed gets a successor."""

    settings: Settings
    folder: Path
    lease: float = 3.0
    members: list[subprocess.Popen[bytes]] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)

    def hire(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        arguments = ["worker", "--poll=0.1", f"--lease={self.lease}"]
        member = processes.start(self.settings, arguments, self.folder / f"worker-{len(self.pids)}.log")
        self.members.append(member)
        self.pids.append(member.pid)
        return member

    def kill(self, rng: np.random.Generator) -> str:
        """Kill a worker, or the process of a step, and say which; a killed worker is replaced."""
        steps = [pid for member in self.members for pid in step_processes(member.pid)]
        if steps and rng.random() < 0.4:
            victim = int(rng.choice(steps))
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            return f"step {victim}"
        member = self.members.pop(int(rng.integers(len(self.members))))
        member.kill()
        member.wait()
        self.hire()
        return f"worker {member.pid}"

    def dismiss(self) -> None:
        """End all of them."""
        for member in self.members:
            processes.end(member, grace=10)


@dataclass(frozen=True)
class Found:
    """What was left when every job had ended; `faults` is empty if all is as it must be."""

    kills: tuple[str, ...]
    states: tuple[str, ...]
    seconds: float
    faults: tuple[str, ...]


def step_processes(worker_pid: int) -> list[int]:
    """Return the processes of steps that a worker started and that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"--parent={worker_pid}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def run_chaos(settings: Settings, folder: Path, *, seed: int, n_jobs: int, n_kills: int, n_workers: int = 2) -> Found:
    """Run jobs of as many models to their end while workers and steps are killed at random."""
    rng = np.random.default_rng(seed)
    log, other = open_log(settings.database_url), open_log(settings.database_url)
    models = [f"m{k}" for k in range(n_jobs)]
    for model in models:
        fill(log, settings.artifacts, model=model)
    crew = Crew(settings, folder)
    began = time.monotonic()
    try:
        for _ in range(n_workers):
            crew.hire()
        ids = [queue.start(log, model, "it drifted", "ana", params=PARAMS).job_id for model in models]
        kills = _disturb(log, other, crew, ids, rng, n_kills)
        seconds = time.monotonic() - began
        faults = (*_faults_of_jobs(log, ids), *_leftovers(log, crew))
        return Found(tuple(kills), tuple(queue.read_job(log, job_id).state for job_id in ids), seconds, faults)
    finally:
        crew.dismiss()
        log.close()
        other.close()


def _disturb(
    log: PredictionLog, other: PredictionLog, crew: Crew, ids: list[int], rng: np.random.Generator, n_kills: int
) -> list[str]:
    """Kill at random instants and decide twice at every gate until all jobs have ended; return what was killed."""
    kills: list[str] = []
    deciders = 0
    end = time.monotonic() + _LONGEST_SECONDS
    next_at = time.monotonic() + 2 + rng.uniform(0, 1)
    with ThreadPoolExecutor(2) as pool:
        while time.monotonic() < end:
            found = [queue.read_job(log, job_id) for job_id in ids]
            if all(job.is_final for job in found):
                break
            # Gates wait until most kills are done, so that steps after a decision are hit as well.
            if len(kills) >= n_kills // 2:
                for job in found:
                    if job.state == "waiting_approval":
                        both = [(decisions.approve, log, "ben"), (decisions.refuse, other, "eve")]
                        both = both if rng.random() < 0.5 else both[::-1]
                        asked = [pool.submit(act, source, job.id, by) for act, source, by in both]
                        deciders += [answer.result().accepted for answer in asked].count(True)
            at_work = any(job.lease_owner for job in found)
            if at_work and len(kills) < n_kills and time.monotonic() >= next_at:
                kills.append(crew.kill(rng))
                next_at = time.monotonic() + rng.uniform(0.3, 2.5)
            time.sleep(0.05)
    assert deciders <= len(ids), "both decisions of a gate were accepted"
    return kills


def _faults_of_jobs(log: PredictionLog, ids: list[int]) -> Iterator[str]:
    for job_id in ids:
        job = queue.read_job(log, job_id)
        name = f"job {job_id} ({job.state} at {job.step}: {job.note})"
        if job.state not in ("promoted", "rejected"):
            yield f"{name} must be promoted, or refused by a person"
        if job.active_model is not None or job.lease_owner is not None or job.lease_until is not None:
            yield f"{name} must hold no model and no lease"
        made = [version for version in registry.read_versions(log, job.model) if version.job_id == job_id]
        if len(made) != 1:
            yield f"{name} must have made one version; got {[version.version for version in made]}"
        decided = [entry for entry in read_audit(log, job.model) if entry.action in ("approve", "refuse")]
        if len(decided) != 1 or decided[0].action != job.decision:
            yield f"{name} must have one decision; got {[entry.action for entry in decided]}"
        champion = registry.read_alias(log, job.model, "champion")
        if made and (champion == made[0].version) != (job.state == "promoted"):
            yield f"{name} must agree with the champion; got {champion}"
        if any(step.state == "running" for step in queue.read_steps(log, job_id)):
            yield f"{name} must have no running step"


def _standing(log: PredictionLog) -> set[tuple[object, ...]]:
    """Return the transactions that wait for their client on PostgreSQL: living workers have some, for an instant."""
    if log.engine.dialect.name != "postgresql":
        return set()
    waiting = (
        "SELECT pid, xact_start FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    )
    with reading(log.engine) as connection:
        return {tuple(row) for row in connection.execute(sa.text(waiting))}


def _leftovers(log: PredictionLog, crew: Crew) -> Iterator[str]:
    """Look for processes and locks that nobody needs any more; a step may need a moment to see that its worker died."""
    end = time.monotonic() + 5
    while (left := [pid for parent in crew.pids for pid in step_processes(parent)]) and time.monotonic() < end:
        time.sleep(0.1)
    if left:
        yield f"no process of a step must be left; got {left}"
    if {worker.pid for worker in read_live_workers(log)} - set(crew.pids):
        yield "only our own workers must be listed"
    if standing := _standing(log):
        time.sleep(3)
        if still := standing & _standing(log):
            yield f"no transaction must stand open; got {len(still)}"
    began = time.monotonic()
    with writing(log.engine) as connection:
        connection.execute(sa.text("UPDATE model SET revision = revision"))
    if time.monotonic() - began > 2:
        yield f"a write must not wait; it took {time.monotonic() - began:.1f} s"


def main() -> int:
    """Run the long form; return 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    options = parser.parse_args()
    bad = False
    for kind in [options.database] if options.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            folder = Path(place)
            url = f"sqlite:///{folder}/drift.db"
            if kind == "postgresql":
                server = stack.enter_context(postgres_process())
                url = stack.enter_context(postgres_database(server, "chaos"))
            settings = Settings(database_url=url, artifacts=folder / "models")
            found = run_chaos(settings, folder, seed=options.seed, n_jobs=options.jobs, n_kills=options.kills)
        print(f"{kind}: {len(found.kills)} kills ({', '.join(found.kills)}), {found.seconds:.0f} s")
        print(f"  jobs: {', '.join(found.states)}")
        print("\n".join(f"  FAULT: {fault}" for fault in found.faults) or "  nothing is left that should not be")
        bad |= bool(found.faults) or len(found.kills) < options.kills
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())

"""The worker as a real process, on a real SQLite file."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrain.triggers import looks, schedules
from retrain.triggers.looks import TriggerSettings
from retrain.workers import launchers, processes
from storage.database.schema import retrain_schedule
from storage.database.settings import Settings
from storage.jobs import decisions, queue, workers
from storage.jobs.schedules import read_schedules
from storage.jobs.triggers import read_triggers
from storage.models import registry
from tests.conftest import postgres_database
from tests.patience import PATIENCE, wait_for
from tests.retrain.conftest import START, fill, simulated

pytestmark = pytest.mark.slow

RECENT = {"window_rows": 1500, "holdout_share": 0.25}


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started = []

    def start(lease: float = 60) -> subprocess.Popen[bytes]:
        arguments = ["worker", "--poll=0.1", f"--lease={lease}"]
        process = processes.start(settings, arguments, tmp_path / f"worker-{len(started)}.log")
        started.append(process)
        return process

    yield start
    for process in started:
        processes.end(process)


def is_running(log, job_id: int, step: str) -> Callable[[], bool]:
    return lambda: any(s.name == step and s.state == "running" for s in queue.read_steps(log, job_id))


def has_state(log, job_id: int, *states: str) -> Callable[[], bool]:
    return lambda: queue.read_job(log, job_id).state in states


def children_of(pid: int) -> list[str]:
    """Return the command lines of the steps that a worker has started and that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode()
            if f"--parent={pid}" in command:
                found.append(command)
    return found


def test_a_job_runs_from_the_button_to_a_new_champion(log, settings, artifacts, start_worker):
    fill(log, artifacts)
    worker = start_worker()
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    wait_for(has_state(log, job_id, "waiting_approval", "rejected", "failed"))
    waiting = queue.read_job(log, job_id)
    assert waiting.state == "waiting_approval", waiting.note
    # A job that waits for a person holds no worker.
    assert waiting.lease_owner is None
    assert [w.pid for w in workers.read_live_workers(log)] == [worker.pid]
    assert launchers.ensure_worker(settings).said.startswith(f"A worker is alive: process {worker.pid}")
    decisions.approve(log, job_id, "ben")
    wait_for(has_state(log, job_id, "promoted"))
    assert registry.read_alias(log, "m", "champion") == "v2"
    wait_for(lambda: all(step.log for step in queue.read_steps(log, job_id) if step.name != "approval"))
    trained = next(step for step in queue.read_steps(log, job_id) if step.name == "train")
    assert "training on 1,125 rows by the recipe tabular" in trained.log
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    assert workers.read_live_workers(log) == ()


def test_a_job_is_cancelled_while_it_trains_and_its_process_is_gone(log, artifacts, start_worker):
    fill(log, artifacts)
    worker = start_worker()
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    wait_for(is_running(log, job_id, "train"))
    assert decisions.cancel(log, job_id, "ben").message == f"job {job_id} is being cancelled"
    assert not queue.start(log, "m", "at once again", "ana").started
    wait_for(has_state(log, job_id, "cancelled"))
    assert children_of(worker.pid) == []
    assert queue.read_job(log, job_id).note == "Cancelled by ben at step train."
    assert len(registry.read_versions(log, "m")) == 1
    assert queue.start(log, "m", "again", "ana").started


def test_a_second_worker_finishes_what_a_killed_one_began(log, artifacts, start_worker):
    fill(log, artifacts)
    first = start_worker(lease=3)
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    wait_for(is_running(log, job_id, "train"))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    start_worker(lease=3)
    wait_for(has_state(log, job_id, "waiting_approval", "rejected", "failed"))
    assert queue.read_job(log, job_id).state == "waiting_approval"
    assert children_of(first.pid) == []
    repeated = {step.name: (step.attempt, step.crashes) for step in queue.read_steps(log, job_id) if step.attempt > 1}
    assert repeated == {"train": (2, 1)}
    assert [version.version for version in registry.read_versions(log, "m")] == ["v2", "v1"]


def test_a_worker_waits_for_a_database_that_is_not_there_yet(postgres_server, artifacts, tmp_path):
    url = postgres_server.format(database="late")
    file = tmp_path / "worker.log"
    worker = processes.start(Settings(database_url=url, artifacts=artifacts), ["worker", "--poll=0.1"], file)
    try:
        wait_for(lambda: "the database does not answer yet, next try in 2 s" in processes.tail(file))
        with postgres_database(postgres_server, "late"):
            wait_for(lambda: " is ready" in processes.tail(file))
            worker.terminate()
            assert worker.wait(PATIENCE) == 0
    finally:
        processes.end(worker)


def test_a_worker_that_waits_for_its_database_ends_when_asked(postgres_server, artifacts, tmp_path):
    url, file = postgres_server.format(database="never"), tmp_path / "worker.log"
    worker = processes.start(Settings(database_url=url, artifacts=artifacts), ["worker"], file)
    try:
        wait_for(lambda: "does not answer yet" in processes.tail(file))
        worker.terminate()
        assert worker.wait(PATIENCE) == 0
    finally:
        processes.end(worker)


def test_a_worker_that_is_asked_to_stop_hands_its_step_back(log, artifacts, start_worker):
    fill(log, artifacts)
    worker = start_worker()
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    wait_for(is_running(log, job_id, "train"))
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    job = queue.read_job(log, job_id)
    assert (job.state, job.step, job.lease_owner) == ("queued", "train", None)
    assert children_of(worker.pid) == []
    assert workers.read_live_workers(log) == ()
    start_worker()
    wait_for(has_state(log, job_id, "waiting_approval", "rejected", "failed"))
    assert [(step.failures, step.crashes) for step in queue.read_steps(log, job_id) if step.name == "train"] == [(0, 0)]


def test_a_worker_fires_schedules_and_looks_at_triggers(log, artifacts, start_worker):
    fill(log, artifacts)
    start_worker()
    looks.add(log, "m", "labels", "propose", by="ana", settings=TriggerSettings(n_labels=10, every_minutes=0))
    wait_for(lambda: read_triggers(log)[0].last_result)
    assert "0 of 10 new labelled rows" in read_triggers(log)[0].last_result
    log.append("m", simulated(20, start=START + timedelta(days=9)).assign(prediction="good", score=0.5))
    wait_for(lambda: queue.read_active_job(log, "m"))
    assert queue.read_active_job(log, "m").state == "proposed"
    number = schedules.add(log, "m", "* * * * *", reason="each minute", by="ana").number
    with log.engine.begin() as connection:
        due = sa.update(retrain_schedule).where(retrain_schedule.c.id == number)
        connection.execute(due.values(next_at=datetime.now(UTC)))
    wait_for(lambda: read_schedules(log)[0].last_result)
    assert "already proposed: job 1, by trigger 1" in read_schedules(log)[0].last_result


def test_a_worker_that_nobody_waits_for_ends_when_no_job_is_left(settings):
    process = processes.start(settings, ["worker", "--parent=1"], settings.artifacts / "worker.log")
    assert process.wait(PATIENCE) == 0


def test_ensure_worker_starts_one_and_only_where_it_may(log, settings):
    absent = launchers.ensure_worker(settings)
    assert not absent.is_there
    assert absent.worker.startswith("none, because none is alive and DRIFT_WORKER is external")
    assert "DRIFT_WORKER is external" in absent.said
    settings = replace(settings, worker="auto")
    assert launchers.ensure_worker(settings).said.startswith("A worker was started: process ")
    process = launchers._started[settings.database_url]
    try:
        # Asking again, even at once, does not start a second one.
        assert str(process.pid) in launchers.ensure_worker(settings).worker
        wait_for(lambda: workers.read_live_workers(log))
        assert str(process.pid) in launchers.ensure_worker(settings).worker
    finally:
        processes.end(process)
    assert (settings.artifacts.parent / "log" / "worker.log").exists()

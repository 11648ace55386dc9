"""DBOS as the wake-up engine: two real processes, as on two machines, and a real PostgreSQL."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrain.__main__ import main
from retrain.workers import processes
from storage.database.engine import writing
from storage.database.schema import worker
from storage.database.settings import Settings
from storage.jobs import decisions, job_rows, leases, queue, workers
from storage.models import registry
from tests.patience import PATIENCE, wait_for
from tests.retrain.conftest import fill
from tests.retrain.workers.test_worker import RECENT, children_of, has_state, is_running

pytestmark = pytest.mark.slow
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def start_machine(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started = []

    def start(own: Settings = settings) -> subprocess.Popen[bytes]:
        arguments = ["worker", "--engine=dbos", "--poll=0.1", "--lease=4"]
        started.append(processes.start(own, arguments, tmp_path / f"machine-{len(started)}.log"))
        return started[-1]

    yield start
    for process in started:
        processes.end(process, grace=15)


@on_postgresql
def test_two_machines_carry_jobs_on_when_one_of_them_dies(log, settings, artifacts, start_machine):
    for model in ("one", "two"):
        fill(log, artifacts, model=model)
    machines = [start_machine(), start_machine()]
    ids = [queue.start(log, model, "red turned bad", "ana", params=RECENT).job_id for model in ("one", "two")]
    wait_for(lambda: any(is_running(log, job_id, "train")() for job_id in ids))
    owner = next(job.lease_owner for job in queue.read_jobs(log) if job.lease_owner)
    victim = next(machine for machine in machines if f":{machine.pid}:" in owner)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    for job_id in ids:
        wait_for(has_state(log, job_id, "waiting_approval", "rejected", "failed"))
        assert queue.read_job(log, job_id).state == "waiting_approval", queue.read_job(log, job_id).note
    assert leases.read_due_jobs(log) == []
    for job_id in ids:
        assert decisions.approve(log, job_id, "ben").accepted
        assert leases.read_due_jobs(log)
    for job_id, model in zip(ids, ("one", "two"), strict=True):
        wait_for(lambda job_id=job_id: any(s.name not in job_rows.STEPS[:7] for s in queue.read_steps(log, job_id)))
        assert [version.job_id for version in registry.read_versions(log, model)] == [job_id, None]
    assert children_of(victim.pid) == []


@on_postgresql
def test_a_machine_that_cannot_leave_the_list_of_workers_ends_all_the_same(log, settings, start_machine):
    impatient = replace(settings, database_url=f"{settings.database_url}&options=-c%20lock_timeout%3D200")
    machine = start_machine(impatient)
    wait_for(lambda: bool(workers.read_live_workers(log)))
    with writing(log.engine) as connection:
        connection.execute(sa.select(worker).with_for_update())
        machine.terminate()
        assert machine.wait(PATIENCE) == 0
    assert len(workers.read_live_workers(log)) == 1, "its row goes by itself"


def test_it_says_what_it_needs(monkeypatch, sqlite_url, capsys):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    assert main(["worker", "--engine", "dbos"]) == 2
    assert "DRIFT_DATABASE_URL must name PostgreSQL for DBOS; got sqlite." in capsys.readouterr().err

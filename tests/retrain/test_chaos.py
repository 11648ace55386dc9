"""Processes that are killed, frozen and raced, on both databases: the truth stays in the tables."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.database.settings import Settings
from storage.jobs import decisions, queue, workers
from storage.models import registry
from tests.chaos import PARAMS, Crew, run_chaos, step_processes
from tests.conftest import ROOT
from tests.patience import PATIENCE, wait_for
from tests.retrain.conftest import fill
from tests.retrain.workers.test_worker import has_state, is_running

pytestmark = [pytest.mark.slow, pytest.mark.each_database]


@pytest.fixture
def crew(settings: Settings, tmp_path: Path) -> Iterator[Crew]:
    hired = Crew(settings, tmp_path, lease=2.0)
    yield hired
    for member in hired.members:  # one that is stopped would not hear that it is to end
        for pid in [member.pid, *step_processes(member.pid)]:
            os.kill(pid, signal.SIGCONT)
    hired.dismiss()


@pytest.mark.parametrize("seed", [3])
def test_whatever_is_killed_every_job_ends_once_decided_with_one_version_and_nothing_left(seed, settings, tmp_path):
    """The long form is `python -m tests.chaos`."""
    found = run_chaos(settings, tmp_path, seed=seed, n_jobs=3, n_kills=6)
    assert found.faults == ()
    assert len(found.kills) == 6


def test_a_worker_frozen_past_its_lease_writes_nothing_when_it_wakes(log, settings, artifacts, crew):
    fill(log, artifacts)
    frozen = crew.hire()
    job_id = queue.start(log, "m", "red turned bad", "ana", params=PARAMS).job_id
    wait_for(is_running(log, job_id, "train"))
    (child,) = wait_for(lambda: step_processes(frozen.pid))  # the step is written down before its process begins
    for pid in (frozen.pid, child):
        os.kill(pid, signal.SIGSTOP)
    assert queue.read_job(log, job_id).step == "train", "it was frozen in time"
    before = queue.read_job(log, job_id).fence
    crew.hire()
    wait_for(has_state(log, job_id, "waiting_approval", "rejected", "failed"))
    waiting = queue.read_job(log, job_id)
    assert waiting.state == "waiting_approval", waiting.note
    assert waiting.fence > before
    wait_for(lambda: all(step.log for step in queue.read_steps(log, job_id) if step.name != "approval"))
    waiting, steps = queue.read_job(log, job_id), queue.read_steps(log, job_id)
    os.kill(child, signal.SIGCONT)
    wait_for(lambda: step_processes(frozen.pid) == [])  # it ends by itself: the worker is still frozen
    woken = datetime.now(UTC)
    os.kill(frozen.pid, signal.SIGCONT)
    # Whatever it still wanted to write is written by the time it has shown itself again.
    wait_for(
        lambda: [one for one in workers.read_live_workers(log) if one.pid == frozen.pid and one.heartbeat_at > woken]
    )
    assert queue.read_job(log, job_id) == waiting
    assert queue.read_steps(log, job_id) == steps
    assert [(step.attempt, step.crashes) for step in steps if step.name == "train"] == [(2, 1)]
    assert [version.job_id for version in registry.read_versions(log, "m")] == [job_id, None]
    said = (artifacts / "jobs" / str(job_id) / "train-1.log").read_text(encoding="utf-8")
    assert "Nothing is written" in said or "has no holder any more" in said
    assert frozen.poll() is None, "the worker itself works on"


def test_a_step_that_does_not_listen_is_killed_and_its_job_cancelled(log, artifacts, crew):
    fill(log, artifacts)
    worker = crew.hire()
    job_id = queue.start(log, "m", "red turned bad", "ana", params=PARAMS).job_id
    wait_for(is_running(log, job_id, "train"))
    (child,) = wait_for(lambda: step_processes(worker.pid))  # the step is written down before its process begins
    os.kill(child, signal.SIGSTOP)  # SIGTERM does not reach it: only SIGKILL ends it
    assert decisions.cancel(log, job_id, "ben").message == f"job {job_id} is being cancelled"
    assert not queue.start(log, "m", "not yet", "ana").started
    wait_for(has_state(log, job_id, "cancelled"))
    assert step_processes(worker.pid) == []
    assert queue.start(log, "m", "now", "ana").started


CLICKS = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from storage import open_log
from storage.jobs import queue
url, name, at = sys.argv[1], sys.argv[2], float(sys.argv[3])
log = open_log(url)
def click(k):
    time.sleep(max(0.0, at - time.time()))
    return queue.start(log, "m", "it drifted", f"{name}{k}")
with ThreadPoolExecutor(4) as pool:
    answers = list(pool.map(click, range(4)))
print(json.dumps([[a.job_id, a.started, a.message] for a in answers]))
"""


def test_eight_clicks_from_two_dashboards_make_one_job(log, settings, artifacts):
    fill(log, artifacts)
    at = str(time.time() + 4)
    dashboards = [
        subprocess.Popen(
            [sys.executable, "-c", CLICKS, settings.database_url, name, at], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for name in ("left", "right")
    ]
    answers = [answer for dashboard in dashboards for answer in json.loads(dashboard.communicate(timeout=PATIENCE)[0])]
    (job,) = queue.read_jobs(log)
    assert [started for _, started, _ in answers].count(True) == 1
    assert {job_id for job_id, _, _ in answers} == {job.id}
    refused = {message for _, started, message in answers if not started}
    assert refused == {f"already running: job {job.id}, started by {job.requested_by}"}

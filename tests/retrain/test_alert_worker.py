"""Alerts by real processes: a worker of its own, one killed between sending and committing, and a dashboard's."""

import contextlib
import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from retrain.__main__ import main
from retrain.alerts.lookout import Lookout
from retrain.workers import launchers, processes
from storage import open_log
from storage.alerts import messages
from storage.database.schema import alert
from storage.database.settings import Settings
from storage.jobs import queue, workers
from tests.patience import PATIENCE, wait_for
from tests.retrain.alerts.test_lookout import begin, end_job
from tests.retrain.fake_channel import SECRET, Reply
from tests.storage.evidence.test_ledger import COLUMNS, frame

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _inherited(environment, with_channel, monkeypatch):
    """Processes inherit the channel, and what else the settings name."""
    monkeypatch.setenv("DRIFT_ALERT_URL", with_channel.alert_url)
    monkeypatch.setenv("DRIFT_BOARD_URL", with_channel.board_url)
    monkeypatch.setenv("DRIFT_WORKER", with_channel.worker)


@pytest.fixture
def start(with_channel, tmp_path):
    started = []

    def start_process(*arguments):
        started.append(processes.start(with_channel, arguments, tmp_path / f"{arguments[0]}.log"))
        return started[-1]

    yield start_process
    for process in started:
        processes.end(process)


def alert_passes():
    """Return the numbers of the processes that make alert passes for this test's database."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            if b"alert-pass" in (path / "cmdline").read_bytes() and ours((path / "environ").read_bytes()):
                found.append(int(path.name))
    return found


def ours(environment):
    return f"DRIFT_ALERT_URL={os.environ['DRIFT_ALERT_URL']}".encode() in environment


def test_from_a_drift_to_one_message_by_a_worker_that_runs_as_a_service(log, start, hook, with_channel):
    worker = start("worker", "--poll=0.1")
    begin(log, 2_900)
    wait_for(lambda: messages.read_delivery(log).is_watched)
    wait_for(lambda: log.ledger("m", "training").read() is not None)
    assert hook.messages == []
    log.append("m", frame()[2_900:])
    wait_for(lambda: hook.messages)
    wait_for(lambda: [one.state for one in messages.read_alerts(log)] == ["sent"])
    assert hook.messages[0]["board_url"].startswith("http://board.example:8501/?model=m&window=1000&")
    (child,) = alert_passes()
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: alert_passes() and child not in alert_passes())
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    assert alert_passes() == []
    assert len(hook.messages) == 1
    for path in with_channel.artifacts.parent.rglob("*.log"):
        assert SECRET not in path.read_text(encoding="utf-8")


def test_a_message_whose_sender_is_killed_before_it_can_say_so_is_sent_again(log, hook, start):
    log.register("m", COLUMNS)
    queue.start(log, "m", "why", "ana")
    end_job(log, "failed", "the disk was full")
    # The channel has the message; whoever sent it dies before it hears so.
    hook.replies = [Reply(first=lambda: [os.kill(child, signal.SIGKILL) for child in alert_passes()])]
    first = start("alert-pass", f"--parent={os.getpid()}")
    assert first.wait(PATIENCE) == -signal.SIGKILL
    (left,) = messages.read_alerts(log)
    assert (left.state, left.attempts, len(hook.messages)) == ("pending", 1, 1)
    assert left.next_at - datetime.now(UTC) < messages.LEASE
    with log.engine.begin() as connection:
        connection.execute(sa.update(alert).values(next_at=datetime.now(UTC)))
    start("alert-pass", f"--parent={os.getpid()}")
    wait_for(lambda: messages.read_alerts(log)[0].state == "sent")
    assert [message["id"] for message in hook.messages] == [1, 1]


def test_a_channel_that_hangs_keeps_no_job_waiting(log, hook, start):
    hook.usual = Reply(after_seconds=60)
    log.register("m", COLUMNS)
    queue.start(log, "m", "why", "ana")
    end_job(log, "failed", "no good")
    start("worker", "--poll=0.1")
    wait_for(lambda: hook.messages)
    began = datetime.now(UTC)
    job_id = queue.start(log, "m", "without labels", "ana").job_id
    wait_for(lambda: queue.read_job(log, job_id).is_final)
    assert queue.read_job(log, job_id).state == "rejected"
    wait_for(lambda: messages.read_delivery(log).why == "the channel did not answer within 5 s")
    wait_for(lambda: [one for one in messages.read_alerts(log) if one.created_at > began])


def environments(pid, what):
    """Return the environments of the processes that a worker has started to do something."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            words = (path / "cmdline").read_bytes().split(b"\0")
            if what in words and f"--parent={pid}".encode() in words:
                found.append((path / "environ").read_bytes())
    return [environment for environment in found if environment]


def test_a_step_is_not_handed_the_address_of_the_channel(log, start, with_channel, hook):
    log.register("m", COLUMNS)
    worker = start("worker", "--poll=0.1")
    wait_for(lambda: environments(worker.pid, b"alert-pass"))
    assert SECRET.encode() in environments(worker.pid, b"alert-pass")[0]
    queue.start(log, "m", "why", "ana")
    seen = []
    wait_for(lambda: seen.extend(environments(worker.pid, b"step")) or queue.read_job(log, 1).is_final)
    assert seen, "the step's process has to be seen while it runs"
    assert all(b"DRIFT_DATABASE_URL" in environment for environment in seen)
    assert not any(SECRET.encode() in environment for environment in seen)


def test_an_alert_pass_ends_with_its_worker(start):
    assert start("alert-pass", "--parent=1").wait(PATIENCE) == 0


def test_who_needs_alerts_starts_a_worker_that_looks_for_them_and_only_where_it_may(log, with_channel, hook):
    assert launchers.ensure_alerts(log, replace(with_channel, alert_url="")) is None
    external = replace(with_channel, worker="external")
    assert "Nobody looks for alerts and DRIFT_WORKER is external" in launchers.ensure_alerts(log, external)
    # A worker that lives without the channel is no help.
    workers.beat(log, "other", "host", os.getpid(), "1")
    assert launchers.ensure_alerts(log, with_channel).startswith("A worker was started: process ")
    process = launchers._started[with_channel.database_url]
    try:
        wait_for(lambda: launchers.ensure_alerts(log, with_channel) is None)
    finally:
        processes.end(process)
    assert alert_passes() == []


def test_the_command_line_lists_alerts_and_tries_the_channel(log, with_channel, hook, monkeypatch, capsys):
    log.register("m", COLUMNS)
    queue.start(log, "m", "why", "ana")
    end_job(log, "failed", "the disk was full")
    monkeypatch.setenv("DRIFT_DATABASE_URL", with_channel.database_url)

    def run(*arguments):
        code = main(["alerts", *arguments])
        said = "".join(capsys.readouterr())
        assert SECRET not in said
        return code, said

    assert run("--test", "--by=ana") == (0, "The channel answered 200.\n")
    hook.usual = Reply(404)
    assert run("--test") == (1, "The channel answered 404: DRIFT_ALERT_URL is wrong, or was revoked (ok).\n")
    Lookout(log, with_channel).run_pass()
    code, said = run()
    assert code == 0
    assert "No worker has looked for alerts. 0 sent, 1 pending, 0 given up; none delivered since " in said
    assert "Job 1 of m failed: the disk was full: http://board.example:8501/retrain?model=m" in said
    listed = json.loads(run("--json")[1])
    assert listed["channel"]["is_set"]
    assert [(one["state"], one["attempts"], one["body"]["job"]) for one in listed["alerts"]] == [("pending", 1, 1)]
    monkeypatch.setenv("DRIFT_ALERT_URL", "")
    assert run("--test") == (2, "error: DRIFT_ALERT_URL must be set to send alerts; got nothing.\n")
    assert run()[1].startswith("DRIFT_ALERT_URL is not set here, so nothing is sent. 0 sent, 1 pending")


@pytest.mark.parametrize(
    "wrong", ["ftp://x/{}", "https://u:p@x/{}", "https:// x/{}", "https://x:y/{}", "https:///{}", "{}"]
)
def test_a_malformed_channel_is_refused_without_a_word_of_it(wrong):
    with pytest.raises(ValueError, match="DRIFT_ALERT_URL must be one address that begins with https://") as refused:
        Settings.from_environment({"DRIFT_ALERT_URL": wrong.format(SECRET)})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "wrong", ["board.example", "https://ana:hunter2@board.example", "https://board.example/?model=m"]
)
def test_a_malformed_address_of_the_board_is_refused(wrong):
    with pytest.raises(ValueError, match="DRIFT_BOARD_URL must be the address of the board") as refused:
        Settings.from_environment({"DRIFT_BOARD_URL": wrong})
    assert "hunter2" not in str(refused.value)


def test_a_pass_waits_for_a_database_that_goes_away(postgres_url, hook, start, with_channel, monkeypatch, tmp_path):
    away = replace(with_channel, database_url=postgres_url)
    log = open_log(postgres_url)
    log.register("m", COLUMNS)
    file = tmp_path / "pass.log"
    process = processes.start(away, ["alert-pass", f"--parent={os.getpid()}"], file)
    try:
        wait_for(lambda: messages.read_delivery(log).is_watched)
        with log.engine.begin() as connection:
            others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) {others}"))
        queue.start(log, "m", "why", "ana")
        end_job(log, "failed", "no good")
        wait_for(lambda: hook.messages)
        assert process.poll() is None
    finally:
        processes.end(process)
        log.close()

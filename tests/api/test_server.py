"""The server as it is started: one process with board and API, from any working directory, and it ends when told."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.background.first_run import ROOT, start_demo, stop_demo
from storage.alerts import messages
from storage.database.settings import Settings
from storage.jobs import runs, workers
from tests.api.servers import api_command, free_port, serving, streamlit_command
from tests.patience import PATIENCE, wait_for
from tests.retrain.fake_channel import SECRET

pytestmark = pytest.mark.slow


def test_the_api_runs_alone(reviews, settings, tmp_path):
    with serving(api_command(), settings, tmp_path) as (client, _):
        said = client.post("/predict", json={"text": "great"})
        assert said.json()["label"] == "positive"
        # A proxy on this machine tells from where a request came; who is far away is refused.
        assert client.get("/drift-check", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 403
        parts = (b"[" * 65_536 for _ in range(100))
        large = client.post("/predict", content=parts, headers={"Content-Type": "application/json"})
        assert large.status_code == 413
        assert "/predict" in client.get("/openapi.json").json()["paths"]
    assert reviews.n_rows("reviews") == 1


def test_alone_the_api_needs_no_streamlit():
    code = "import dashboard.api.application, sys; print({'streamlit', 'plotly'} & set(sys.modules) or [])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.fixture
def with_worker(log, settings, tmp_path):
    """Settings that start a worker and the demo; the worker is ended afterwards."""
    yield dataclasses.replace(settings, artifacts=tmp_path / "var" / "models", worker="auto", demo=True)
    for worker in workers.read_live_workers(log):
        os.kill(worker.pid, signal.SIGTERM)
    wait_for(lambda: not workers.read_live_workers(log))


def test_board_and_api_are_one_process_that_builds_the_demo(with_worker, log, tmp_path):
    with serving(streamlit_command(), with_worker, tmp_path) as (client, process):
        for path in ("/", "/columns", "/retrain"):
            page = client.get(path)
            assert "<!DOCTYPE html>" in page.text
            assert "sha256-" in page.headers["content-security-policy"]
            assert page.headers["x-frame-options"] == "DENY"
        assert client.get("/_stcore/health").text == "ok"
        assert client.post("/predict", json={"txet": "great"}).status_code == 422
        assert client.get("/predict").status_code == 405
        assert client.post("/retrain", json={}).json()["error"]["field"] == "model"
        # Not one waits for the 40 ms of a delayed acknowledgement.
        wait_for(lambda: client.get("/openapi.json").elapsed.total_seconds() < 0.03, "an answer without delay")
        asked = {"text": "This works great!"}
        wait_for(lambda: client.post("/predict", json=asked).status_code == 200)
        wait_for(lambda: client.get("/drift-check").json().get("status") == "drifted")
        wait_for(lambda: client.get("/health").json()["worker"] == "alive")
    assert process.returncode in (0, -signal.SIGTERM)
    # A worker without a job ends with the server that started it.
    wait_for(lambda: not workers.read_live_workers(log))


def test_a_worker_that_dies_is_replaced_for_as_long_as_the_server_lives(with_worker, log, tmp_path):
    with serving(streamlit_command(), dataclasses.replace(with_worker, demo=False), tmp_path):
        wait_for(lambda: workers.read_live_workers(log))
        (first,) = workers.read_live_workers(log)
        os.kill(first.pid, signal.SIGKILL)
        with log.engine.begin() as connection:  # what half a minute of silence comes to
            connection.execute(sa.text("DELETE FROM worker"))
        wait_for(lambda: workers.read_live_workers(log))
        assert workers.read_live_workers(log)[0].pid != first.pid


def test_where_a_channel_is_set_a_worker_looks_for_alerts_as_long_as_the_server_lives(with_worker, log, tmp_path, hook):
    quiet = dataclasses.replace(with_worker, demo=False)
    # A worker that somebody started for one job: it ends by itself, and knows no channel.
    workers.beat(log, "other", "host", os.getpid(), "1")
    with serving(streamlit_command(), quiet, tmp_path, DRIFT_ALERT_URL=hook.url) as (client, _):
        wait_for(lambda: messages.read_delivery(log).is_watched)
        workers.leave(log, "other")
        (first,) = workers.read_live_workers(log)
        os.kill(first.pid, signal.SIGKILL)
        with log.engine.begin() as connection:  # what half a minute of silence comes to
            connection.execute(sa.text("DELETE FROM alert_channel"))
            connection.execute(sa.text("DELETE FROM worker"))
        wait_for(lambda: workers.read_live_workers(log) and messages.read_delivery(log).is_watched)
        assert workers.read_live_workers(log)[0].pid != first.pid
        assert "drift_alerts_pending 0" in client.get("/metrics").text
    assert SECRET not in (tmp_path / "server.log").read_text()


def test_the_channel_may_stand_in_the_secrets_file(with_worker, log, tmp_path, hook):
    """Streamlit hands root entries of its secrets file to the environment, which the worker inherits."""
    secrets = tmp_path / "home" / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir(parents=True)
    secrets.write_text(f'DRIFT_ALERT_URL = "{hook.url}"\n')
    quiet = dataclasses.replace(with_worker, demo=False)
    with serving(streamlit_command(), quiet, tmp_path, HOME=str(tmp_path / "home")):
        wait_for(lambda: messages.read_delivery(log).is_watched)


def test_the_demo_is_built_only_in_an_empty_database_that_wants_it(reviews, settings, tmp_path):
    wanting = Settings(database_url=settings.database_url, artifacts=settings.artifacts)
    assert start_demo(wanting) is None
    other = f"sqlite:///{tmp_path}/other.db"
    assert start_demo(Settings(database_url=other, artifacts=settings.artifacts, demo=False)) is None


def test_a_demo_that_ended_with_the_server_is_begun_again_by_the_next(log, settings, monkeypatch):
    monkeypatch.setenv("DRIFT_API_TOKENS", "k3y:operator")
    wanting = dataclasses.replace(settings, demo=True)
    process = start_demo(wanting)
    assert process is not None
    if (seen := Path(f"/proc/{process.pid}/environ")).exists():
        assert b"k3y" not in seen.read_bytes()  # it has no use for a token, so it gets none
    wait_for(lambda: log.models() and log.n_rows("reviews"))
    stop_demo(process)
    assert process.returncode == -signal.SIGTERM
    assert runs.read_runs(log)[0].state != "done"
    again = start_demo(wanting)
    assert again is not None
    stop_demo(again)


@pytest.mark.parametrize(("name", "value"), [("DRIFT_API_TOKENS", "secret"), ("DRIFT_ALERT_URL", "ftp://x/secret")])
def test_a_bad_setting_ends_the_start_with_a_sentence(tmp_path, name, value):
    command = [sys.executable, "-m", *streamlit_command(), str(free_port())]
    environment = os.environ | {name: value, "DRIFT_DATABASE_URL": f"sqlite:///{tmp_path}/drift.db"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode != 0
    assert f"{name} must be" in ended.stdout + ended.stderr
    assert not (tmp_path / "drift.db").exists()

import pytest

from retrain.__main__ import main
from storage import jobs
from tests.retrain.conftest import fill, run


@pytest.fixture(autouse=True)
def _environment(monkeypatch, sqlite_url, artifacts):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(artifacts))
    monkeypatch.setenv("DRIFT_WORKER", "external")


def test_a_job_is_started_approved_and_rolled_back(log, artifacts, capsys):
    fill(log, artifacts)
    assert main(["start", "--model", "m", "--reason", "red turned bad", "--by", "ana", "--window-rows", "1500"]) == 0
    assert main(["start", "--model", "m", "--reason", "me too", "--by", "ben"]) == 1
    said = capsys.readouterr().out
    assert "started: job 1" in said
    assert "start one with python -m retrain worker" in said
    assert "already running: job 1, started by ana" in said
    run(log, artifacts, 1)
    assert main(["approve", "1", "--by", "ben", "--note", "looks good"]) == 0
    assert main(["refuse", "1", "--by", "cem"]) == 1
    run(log, artifacts, 1)
    assert jobs.job(log, 1).decision_note == "looks good"
    capsys.readouterr()
    assert main(["status", "--model", "m"]) == 0
    said = capsys.readouterr().out
    assert "job 1  m  promoted  100%  by ana" in said
    assert "m: champion v2, previous v1" in said
    assert main(["rollback", "--model", "m", "--by", "ben"]) == 0
    assert main(["rollback", "--model", "m", "--by", "ben"]) == 1


def test_a_waiting_job_is_cancelled(log, artifacts, capsys):
    fill(log, artifacts)
    main(["start", "--model", "m", "--reason", "red turned bad", "--by", "ana"])
    assert main(["cancel", "1", "--by", "ana"]) == 0
    assert "job 1 is cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "--model", "x", "--reason", "why"], "model must be a registered one"),
        (["start", "--model", "m", "--reason", " "], "reason must be given"),
        (["start", "--model", "m", "--reason", "why", "--window-rows", "3"], "window_rows must be at least 10; got 3"),
        (["approve", "7"], "job must be the number of a retrain job; got 7"),
    ],
)
def test_a_mistake_is_said_in_a_sentence_with_exit_code_2(arguments, said, log, artifacts, capsys):
    fill(log, artifacts)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err

import pytest

from retrain import run_commands
from retrain.__main__ import main
from storage.jobs import queue, schedules
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
    assert queue.read_job(log, 1).decision_note == "looks good"
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


def test_what_nobody_foresaw_is_a_sentence_for_people_and_a_traceback_as_well_in_a_log(log, capsys):
    with log.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE retrain_trigger")
    assert main(["trigger", "list"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("error: OperationalError: ")
    assert main(["look"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == said


def test_a_job_is_refused_and_retried_and_its_version_promoted_again(log, artifacts, capsys):
    fill(log, artifacts)
    main(["start", "--model", "m", "--reason", "red turned bad", "--by", "ana", "--window-rows", "1500"])
    run(log, artifacts, 1)
    main(["refuse", "1", "--by", "ben"])
    assert main(["retry", "1", "--from", "approval", "--by", "ana", "--note", "it was a holiday"]) == 0
    assert main(["retry", "1", "--from", "train", "--by", "ana"]) == 1
    assert main(["promote", "1", "--by", "ana"]) == 1
    said = capsys.readouterr().out
    assert "job 1 is tried again from approval" in said
    assert "job 1 has not ended: waiting approval" in said
    assert "job 1 has no challenger on trial: waiting approval" in said
    main(["approve", "1", "--by", "ben"])
    run(log, artifacts, 1)
    main(["rollback", "--model", "m", "--by", "ben"])
    assert main(["promote", "--model", "m", "--version", "v2", "--by", "ana", "--note", "too soon"]) == 0
    assert "v2 serves now instead of v1" in capsys.readouterr().out


def test_a_version_whose_file_was_changed_is_not_promoted(log, artifacts, capsys):
    fill(log, artifacts)
    main(["start", "--model", "m", "--reason", "red turned bad", "--by", "ana", "--window-rows", "1500"])
    run(log, artifacts, 1)
    (file,) = artifacts.glob("m-job1-*.skops")
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["promote", "--model", "m", "--version", "v2", "--by", "ana", "--note", "now"]) == 2
    assert "sha256 of m-job1-" in capsys.readouterr().err
    assert main(["promote", "--model", "m", "--by", "ana"]) == 2
    assert "the number of a job, or --model and --version" in capsys.readouterr().err


def test_schedules_are_added_listed_and_removed(log, artifacts, capsys):
    fill(log, artifacts)
    asked = ["schedule", "add", "--model", "m", "--cron", "0 3 * * mon", "--time-zone", "Europe/Berlin"]
    assert main([*asked, "--reason", "each week", "--without-approval", "--by", "ana"]) == 0
    assert "schedule 1 is added: next at " in capsys.readouterr().out
    assert main(["schedule", "disable", "1", "--by", "ben"]) == 0
    main(["schedule", "list"])
    said = capsys.readouterr().out
    assert "schedule 1  m  0 3 * * mon  Europe/Berlin  switched off  by ana" in said
    assert "each week" in said
    assert schedules.read_schedules(log)[0].params == {"needs_approval": False}
    assert main(["schedule", "enable", "1"]) == 0
    assert main(["schedule", "remove", "1"]) == 0
    assert main(["schedule", "remove", "1"]) == 2
    assert main(["schedule", "add", "--model", "m", "--cron", "often", "--reason", "why"]) == 2
    assert "cron must have five fields" in capsys.readouterr().err


def test_triggers_are_added_listed_looked_at_and_removed(log, artifacts, capsys):
    fill(log, artifacts)
    assert main(["trigger", "add", "--model", "m", "--on", "labels", "--n-labels", "50", "--mode", "start"]) == 0
    assert main(["trigger", "add", "--model", "m", "--on", "drift", "--checks", "2", "--actions", "emergency"]) == 0
    assert main(["look"]) == 0
    capsys.readouterr()
    assert main(["trigger", "list", "--model", "m"]) == 0
    said = capsys.readouterr().out
    assert "trigger 1  m  starts on 50 new labelled rows" in said
    assert "0 of 50 new labelled rows" in said
    assert "trigger 2  m  proposes on emergency advised 2 times in a row" in said
    assert main(["trigger", "disable", "1"]) == 0
    assert main(["trigger", "remove", "1"]) == 0
    assert main(["trigger", "add", "--model", "m", "--on", "drift", "--actions", "panic"]) == 2
    assert "actions must be of none" in capsys.readouterr().err


def test_a_job_that_is_committed_is_a_success_though_no_worker_can_be_started(
    log, artifacts, tmp_path, monkeypatch, capsys
):
    fill(log, artifacts)
    (tmp_path / "file").write_text("no folder can be made here")
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(tmp_path / "file" / "models"))
    monkeypatch.setenv("DRIFT_WORKER", "auto")
    assert main(["start", "--model", "m", "--reason", "new words", "--by", "ana"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "started: job 1"
    assert said[1] == "No worker can be started: Not a directory. Jobs wait until one is alive."


def test_a_page_of_a_run_that_takes_no_line_does_not_fail_the_step(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))  # a folder
    run_commands._summarise("**train**: done")
    assert capsys.readouterr().err == "The page of the run could not be written: Is a directory.\n"

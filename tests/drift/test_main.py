"""`python -m drift` as people and scripts run it: what it prints, and its exit code."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from drift.__main__ import main
from drift.data.windows import Column
from storage import open_log
from tests.conftest import ROOT

START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """URL of a log of 3,000 rows, a minute apart, whose length moves at row 2,000."""
    url = f"sqlite:///{tmp_path_factory.mktemp('cli')}/drift.db"
    log = open_log(url)
    log.register("reviews", [Column("length", "numeric"), Column("channel", "categorical")])
    log.register("empty", [Column("length", "numeric")])
    rng = np.random.default_rng(2)
    times = [START + timedelta(minutes=row) for row in range(3_000)]
    length = rng.normal(size=3_000) + (np.arange(3_000) >= 2_000)
    rows = {"predicted_at": times, "length": length, "channel": rng.choice(["web", "app"], 3_000)}
    log.append("reviews", pd.DataFrame(rows))
    log.freeze_reference("reviews", "training", rows=1_000)
    log.close()
    return url


@pytest.fixture
def drift(url, monkeypatch, capsys):
    """Return a function that runs the command in this process: (exit code, output, errors)."""
    monkeypatch.setenv("DRIFT_DATABASE_URL", url)

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return run


def process(url, *arguments):
    environment = os.environ | {"DRIFT_DATABASE_URL": url}
    command = [sys.executable, "-m", "drift", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_drifting_window_ends_the_process_with_1_and_json_for_machines(url):
    done = process(url, "check", "--model", "reviews", "--last", "500", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    board = json.loads(done.stdout)
    assert (board["model"], board["verdict"], board["n"]) == ("reviews", "drift", 500)
    assert [column["column"] for column in board["columns"]] == ["length", "channel"]


def test_a_stable_window_ends_the_process_with_0(url):
    ends = ("--from", "2026-09-01T17:00:00+00:00", "--to", "2026-09-02T09:00:00+00:00")
    done = process(url, "check", "--model", "reviews", *ends, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["window"]["start"] == "2026-09-01T17:00:00+00:00"


def test_an_unknown_model_ends_the_process_with_2_and_one_sentence(url):
    done = process(url, "check", "--model", "nobody", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: model must be a registered one (reviews, empty); got 'nobody'.\n"


def test_a_timeline_ends_the_process_by_its_newest_window(url):
    done = process(url, "timeline", "--model", "reviews", "--windows", "6", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert [board["verdict"] for board in json.loads(done.stdout)] == [*["stable"] * 4, "drift", "drift"]


def test_people_get_a_table(drift):
    code, out, _ = drift("check", "--model", "reviews", "--last", "500")
    assert code == 1
    assert out.startswith("Drift: 1 of 2 features (length moved most")
    assert "verdict  column" in out
    code, out, _ = drift("timeline", "--model", "reviews", "--windows", "6")
    assert code == 1
    assert out.startswith("Drift since 2026-09-02 09:20 UTC, 2 windows running")


def test_a_replay_tells_people_and_machines_what_the_reference_would_have_raised(drift):
    code, out, _ = drift("replay", "--model", "reviews", "--lives", "2", "--rows", "800")
    assert (code, out.splitlines()[2].split()[:3]) == (0, ["column", "phi", "independent"])
    assert "2 lives of 400 rows" in out
    code, out, _ = drift("replay", "--model", "reviews", "--json")
    said = json.loads(out)
    assert (said["model"], said["horizon"], said["replay"]["n_lives"]) == ("reviews", 20_000, 8)
    assert set(said["phi"]) == {"length", "channel"}


def test_alarms_are_answered_from_the_command_line(url, drift, monkeypatch, tmp_path):
    shutil.copy(url.removeprefix("sqlite:///"), tmp_path / "answered.db")
    monkeypatch.setenv("DRIFT_DATABASE_URL", f"sqlite:///{tmp_path}/answered.db")
    who = ("--model", "reviews", "--column", "length", "--by", "ana")
    code, _, errors = drift("acknowledge", *who)
    assert (code, errors) == (0, "")
    assert drift("acknowledge", *who)[0] == 2  # it is answered already
    code, out, _ = drift("check", "--model", "reviews", "--last", "500")
    assert (code, "was acknowledged by ana" in out) == (0, True)
    code, _, errors = drift("snooze", *who, "--until", "2027-01-01")
    assert (code, "column must have an alarm" in errors) == (2, True)


def test_the_previous_window_is_a_reference(drift):
    code, out, _ = drift("check", "--model", "reviews", "--last", "500", "--reference", "previous")
    assert (code, "against reference 'previous'" in out) == (0, True)


@pytest.mark.parametrize(
    ("options", "n_windows", "n_rows"),
    [
        (["--width", "500"], 6, 500),
        (["--width", "500", "--step", "250"], 11, 500),
        (["--width", "10h"], 4, 600),
        (["--width", "1d", "--step", "12h", "--windows", "2"], 2, 1_440),
        (["--windows", "4", "--last", "1000"], 4, 250),
        ([], 20, 150),
    ],
)
def test_windows_of_a_timeline_are_given_by_count_or_by_time(drift, options, n_windows, n_rows):
    code, out, _ = drift("timeline", "--model", "reviews", *options, "--json")
    boards = json.loads(out)
    assert (code, [board["n"] for board in boards]) == (1, [n_rows] * n_windows)


def test_a_model_without_rows_has_too_little_data_and_no_timeline(drift):
    code, out, _ = drift("check", "--model", "empty", "--json")
    assert (code, json.loads(out)["verdict"], json.loads(out)["n"]) == (0, "insufficient", 0)
    code, _, err = drift("timeline", "--model", "empty")
    assert (code, err) == (2, "error: windows must fit into the log; model 'empty' has 0 rows.\n")


@pytest.mark.parametrize(
    ("arguments", "must"),
    [
        (["check"], "--model"),
        (["check", "--model", "reviews", "--last", "0"], "must be a whole number, at least 1; got '0'"),
        (["check", "--model", "reviews", "--last", "ten"], "must be a whole number, at least 1; got 'ten'"),
        (["check", "--model", "reviews", "--from", "yesterday"], "must be a time such as 2026-11-23"),
        (["check", "--model", "reviews", "--reference", "x"], "one that model 'reviews' has (training); got 'x'"),
        (["check", "--model", "reviews", "--alpha", "5"], "alpha must be between 0 and 1; got 5.0"),
        (["check", "--model", "reviews", "--last", "5", "--from", "2026-09-01"], "got both"),
        (["check", "--model", "reviews", "--from", "2026-09-02", "--to", "2026-09-01"], "start must be before end"),
        (["check", "--model", "reviews", "--from", "2027-01-01"], "start must be before end"),
        (["check", "--model", "empty", "--from", "2026-09-01"], "while model 'empty' has no rows"),
        (["timeline", "--model", "reviews", "--width", "10x"], "got '10x'"),
        (["timeline", "--model", "reviews", "--width", "10h", "--step", "5"], "both be rows or both times"),
        (["timeline", "--model", "reviews", "--width", "9999"], "windows must fit into the log"),
        (["forget"], "invalid choice: 'forget'"),
    ],
)
def test_what_cannot_be_asked_is_answered_with_a_sentence_and_2(drift, arguments, must):
    code, out, err = drift(*arguments)
    assert (code, out) == (2, "")
    assert must in err
    assert "Traceback" not in err

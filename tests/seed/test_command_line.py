import os
import subprocess
import sys
from pathlib import Path

import pytest

from drift.data.windows import LastRows
from seed.__main__ import main
from storage import open_log
from tests.conftest import ROOT


def seed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DRIFT_DATABASE_URL": f"sqlite:///{folder}/drift.db",
        "DRIFT_ARTIFACTS": str(folder / "models"),
    }
    command = [sys.executable, "-m", "seed", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)


@pytest.mark.slow
def test_a_scenario_fills_a_model_of_its_own_and_only_once(tmp_path):
    arguments = ("--scenario", "concept", "--rows", "1500", "--seed", "3", "--end", "2026-11-25T12:00:00")
    first, second = seed(tmp_path, *arguments), seed(tmp_path, *arguments)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "Model 'reviews_concept': 1,500 rows, scenario concept.\n"
    assert second.stdout == "Model 'reviews_concept' is as planned already; nothing was changed.\n"
    log = open_log(f"sqlite:///{tmp_path}/drift.db")
    assert log.extent("reviews_concept", LastRows(9_999)).n == 1_500
    log.close()


def test_list_says_what_happens_in_each_scenario(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    known = ["none", "vocabulary", "concept", "label", "seasonal", "sensor", "sensor_stuck", "sensor_shifted"]
    assert [line.split()[0] for line in lines] == known
    assert all(line.endswith(".") or line.endswith("one.") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "must"),
    [
        (["--scenario", "earthquake"], "scenario must be one of none, vocabulary, concept, label, seasonal, sensor,"),
        (["--scenario", "none", "--rows", "3"], "rows must be between 1,000 and 1,000,000; got 3."),
        (["--scenario", "none", "--rows", "many"], "must be a whole number; got 'many'"),
        (["--scenario", "none", "--seed", "-1"], "must be a whole number; got '-1'"),
        (["--scenario", "none", "--strength", "2"], "strength must be above 0 and at most 1; got 2.0."),
        (["--scenario", "none", "--strength", "much"], "invalid float value: 'much'"),
        (["--scenario", "none", "--shape", "round"], "shape must be one of sudden, gradual, recurring; got 'round'."),
        (["--scenario", "none", "--end", "soon"], "must be a time such as 2026-11-23T14:00:00+00:00; got 'soon'"),
        (["--scenario", "none", "--model", "a/b"], "model must start with a letter"),
        (["--demo", "--rows", "5000"], "--demo must stand alone; got --rows."),
        (["--demo", "--live"], "--demo must stand alone; got --live."),
        (["--scenario", "none", "--speed", "100"], "--speed must come with --live."),
        (["--scenario", "earthquake", "--live"], "scenario must be one of none,"),
        (["--scenario", "none", "--live", "--speed", "9"], "speed must be between 10 and 5,000 rows a second; got 9."),
        (["--scenario", "none", "--live", "--rows", "0"], "rows must be between 1 and 1,000,000; got 0."),
        (["--scenario", "none", "--live", "--end", "2026-11-25"], "end must not be given with --live"),
        ([], "one of the arguments --demo --scenario --list is required"),
    ],
)
def test_a_bad_argument_gets_a_sentence_and_exit_code_2(arguments, must, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("DRIFT_DATABASE_URL", f"sqlite:///{tmp_path}/drift.db")
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(tmp_path / "models"))
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert must in capsys.readouterr().err

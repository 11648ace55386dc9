"""The calibration suite in small: fewer lives, the same code, the same promises."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from tests.calibration import product
from tests.calibration.boards import BoardSetting
from tests.calibration.figures import LONGEST_MEDIAN, MOST_FALSE_ALARMS, delay, false_alarms, targets
from tests.calibration.measuring import gathered, of_board, of_life
from tests.calibration.peers import EVIDENTLY
from tests.calibration.report import delay_table, false_alarm_table
from tests.calibration.streams import (
    ACCURACY,
    AR6,
    AR9,
    BINARY,
    BINARY_AR9,
    DRIFTED,
    FIFTY,
    FIVE,
    FIVE_AR9,
    GAPS,
    NOISY_AR9,
    NUMERIC,
    ROUNDED,
    Setting,
)
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

N_HEALTHY = {FIFTY: 10}
N_DRIFTED = 25


def binomial_slack(rate: float, n: int) -> int:
    """Return how many of n lives may alarm so that a rule of this rate fails once in a thousand runs."""
    return int(stats.binom.isf(0.001, n, rate))


@pytest.mark.parametrize("n_reference", [500, 5_000])
@pytest.mark.parametrize(
    "process",
    [NUMERIC, AR6, AR9, NOISY_AR9, FIVE, FIVE_AR9, FIFTY, BINARY, BINARY_AR9, ROUNDED, GAPS, ACCURACY],
    ids=lambda process: process.name,
)
def test_a_healthy_life_rarely_hears_an_alarm(process, n_reference):
    setting = Setting(process=process, n_reference=n_reference)
    n = N_HEALTHY.get(process, 40)
    first = np.array([product.first_alarm(setting.life(1, number)) for number in range(n)])
    assert false_alarms(first).n_hits <= binomial_slack(MOST_FALSE_ALARMS, n)


def test_looking_again_and_again_at_p_below_a_twentieth_alarms_in_nearly_every_life():
    for process in (NUMERIC, FIVE, BINARY):
        setting = Setting(process=process, n_reference=5_000)
        lives = gathered([of_life(setting, number, seed=2) for number in range(30)])
        assert false_alarms(lives["p < .05"]).value > 0.8
        assert false_alarms(lives["three in a row"]).value > 0.4
        assert false_alarms(lives[product.NAME]).n_hits <= binomial_slack(MOST_FALSE_ALARMS, 30)


def test_correcting_over_columns_at_each_look_does_not_correct_over_looks():
    boards = gathered([of_board(BoardSetting(n_reference=5_000), number, seed=3) for number in range(8)])
    assert false_alarms(boards["Benjamini-Hochberg p < .05"]).value > 0.9
    assert false_alarms(boards[product.NAME]).n_hits <= 2


@pytest.mark.parametrize("setting", [s for s in DRIFTED if s.name in LONGEST_MEDIAN], ids=lambda setting: setting.name)
def test_a_drift_is_heard_in_time(setting):
    first = np.array([product.first_alarm(setting.life(4, number)) for number in range(N_DRIFTED)])
    found = delay(first)
    assert found is not None
    assert found.median <= LONGEST_MEDIAN[setting.name]
    assert found.missed.n_hits == 0


def test_a_life_that_alarmed_before_the_change_has_no_delay():
    found = delay(np.array([9_900, 10_100, 10_300, 10_200, np.inf]))
    assert found is not None
    assert (found.median, found.ninth_decile) == (200, np.inf)
    assert (found.already.n_hits, found.missed.n_hits, found.missed.n) == (1, 1, 4)
    assert delay(np.array([100.0])) is None


def test_a_promise_is_missed_by_one_life_too_many():
    healthy = {"numeric": {product.NAME: np.array([100.0] * 6 + [np.inf] * 94)}}
    drifted = {next(iter(LONGEST_MEDIAN)): {product.NAME: np.array([10_600.0])}}
    assert [target.met for target in targets(healthy, drifted)] == [False, True]


def test_tables_say_what_cannot_be_measured():
    healthy = {"5 categories": {product.NAME: np.array([np.inf]), EVIDENTLY: np.array([100.0])}, "numeric": {}}
    assert "0.0 (0.0-97.5)" in false_alarm_table(healthy)
    assert false_alarm_table(healthy).splitlines()[-1].split() == ["numeric", "-", "-"]
    assert "false alarms first" in delay_table({"numeric": {EVIDENTLY: np.array([100.0])}})


def test_the_command_measures_what_is_asked_and_writes_it(tmp_path):
    file = tmp_path / "calibration.json"
    command = [sys.executable, "-m", "tests.calibration", "--only", "binary", "--processes", "1", "--json", str(file)]
    done = subprocess.run(
        [*command, "--healthy", "2", "--drifted", "1"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "binary, reference 5,000" in done.stdout
    written = json.loads(file.read_text())
    assert written["false_alarms"]["binary, reference 500"][product.NAME]["n"] == 2
    assert "binary, share 50 -> 60 %, reference 5,000" in written["delays"]
    assert {target["what"] for target in written["targets"]} == {"false alarms", "median delay"}


def test_a_setting_that_does_not_exist_is_told():
    command = [sys.executable, "-m", "tests.calibration", "--only", "text"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--only must be part of the name of a setting; got 'text'." in done.stderr

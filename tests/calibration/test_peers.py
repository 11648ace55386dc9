"""The rules of others against their definitions, one window at a time, as their own code computes them."""

import os

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tests.calibration.detectors import AVAILABLE, first_alarm
from tests.calibration.peers import evidently, naive, nannyml, nannyml_whole_chunks, three_in_a_row
from tests.calibration.streams import BINARY, FIVE, NUMERIC, WINDOW, Life, Setting
from tests.calibration.windows import NEVER, Windows

pytestmark = pytest.mark.slow

DRIFT = {NUMERIC: "mean +.25 sd", FIVE: "new category 5 %", BINARY: "share 50 -> 60 %"}


def life_of(process, n_reference) -> Life:
    return Setting(process=process, n_reference=n_reference, drift=DRIFT[process]).life(6, 0)


def counted(rows, life):
    return np.bincount(rows, minlength=life.n_categories + 1)


def evidently_alarms(life, window):
    reference = life.reference
    if reference.size > 1_000 and not life.n_categories:
        return stats.wasserstein_distance(reference, window) / reference.std() >= 0.1
    if not life.n_categories:
        return stats.ks_2samp(reference, window).pvalue <= 0.05
    before, now = counted(reference, life), counted(window, life)
    if reference.size > 1_000:
        return jensenshannon(before, now) >= 0.1
    present = before + now > 0
    if present.sum() > 2:
        with np.errstate(divide="ignore"):
            return stats.chisquare(now[present], before[present] * WINDOW / reference.size).pvalue < 0.05
    return stats.chi2_contingency([before[:2], now[:2]], correction=False).pvalue < 0.05


@pytest.mark.parametrize("n_reference", [500, 1_000, 5_000])
@pytest.mark.parametrize("process", list(DRIFT), ids=lambda process: process.name)
def test_evidently_s_rule_is_its_test_of_each_window(process, n_reference):
    life = life_of(process, n_reference)
    windows = Windows(life)
    every = slice(None, None, 13)
    expected = [evidently_alarms(life, life.stream[end - WINDOW : end]) for end in windows.ends[every]]
    assert evidently(windows)[every].tolist() == expected


def nannyml_distance(life, edges, rows):
    def shares(values):
        if life.n_categories:
            return counted(values, life)[: life.n_categories] / values.size
        return np.histogram(values, bins=edges)[0] / values.size

    found = shares(rows)
    return jensenshannon(np.append(shares(life.reference), 0), np.append(found, max(1 - found.sum(), 0)), base=2)


@pytest.mark.parametrize("process", list(DRIFT), ids=lambda process: process.name)
def test_nannyml_s_rule_is_three_standard_deviations_over_the_chunks_of_the_reference(process):
    life = life_of(process, 5_000)
    edges = None if life.n_categories else np.histogram_bin_edges(life.reference, bins="doane")
    usual = [nannyml_distance(life, edges, chunk) for chunk in life.reference.reshape(-1, WINDOW)]
    threshold = np.mean(usual) + 3 * np.std(usual)
    windows = Windows(life)
    expected = [nannyml_distance(life, edges, life.stream[end - WINDOW : end]) > threshold for end in windows.ends]
    assert nannyml(windows).tolist() == expected
    assert np.flatnonzero(nannyml_whole_chunks(windows)).tolist() == [k for k in range(0, 191, 10) if expected[k]]


def test_nannyml_s_rule_needs_two_chunks():
    assert nannyml(Windows(life_of(NUMERIC, 500))) is None
    assert nannyml_whole_chunks(Windows(life_of(NUMERIC, 500))) is None


def test_three_in_a_row_is_the_third_low_look_one_after_the_other():
    windows = Windows(life_of(BINARY, 5_000))
    low, third = naive(windows), three_in_a_row(windows)
    assert third.tolist() == [k >= 2 and bool(low[k - 2 : k + 1].all()) for k in range(low.size)]


def test_river_s_detectors_go_row_by_row_after_the_reference():
    if not AVAILABLE:
        # River is for development only; where everything must be there, it must be too.
        (pytest.fail if os.environ.get("DRIFT_REQUIRE_ALL") == "1" else pytest.skip)("pip install river")
    life = Setting(process=NUMERIC, n_reference=500, drift="mean +1 sd").life(7, 0)
    assert 10_000 < first_alarm("ADWIN", life) < 10_200
    assert first_alarm("ADWIN", Life(life.reference, life.stream[:10_000])) == NEVER
    assert first_alarm("ADWIN", life_of(FIVE, 500)) is None

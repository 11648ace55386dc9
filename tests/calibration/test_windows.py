"""The many-windows-at-once statistics against SciPy, one window at a time."""

import numpy as np
import pytest
from scipy import stats

from tests.calibration.streams import (
    AR9,
    BINARY,
    DRIFTED,
    FIFTY,
    FIVE,
    GAPS,
    NOISY_AR9,
    NUMERIC,
    ROUNDED,
    STRIDE,
    WINDOW,
    Life,
    Setting,
)
from tests.calibration.windows import Windows, homogeneity_p_values, ks_distances, wasserstein_distances

pytestmark = pytest.mark.slow


def windows_of(life: Life) -> list[np.ndarray]:
    return [life.stream[end - WINDOW : end] for end in range(WINDOW, life.stream.size + 1, STRIDE)]


@pytest.mark.parametrize("n_reference", [500, 777, 5_000])
def test_distances_of_numbers_are_those_of_scipy(n_reference):
    life = Setting(process=NUMERIC, n_reference=n_reference, drift="mean +.25 sd").life(1, 0)
    windows = Windows(life)
    every = windows_of(life)[::17]
    ks = [stats.ks_2samp(life.reference, window).statistic for window in every]
    np.testing.assert_allclose(ks_distances(windows.ordered_reference, windows.ordered)[::17], ks, atol=1e-12)
    expected = [stats.wasserstein_distance(life.reference, window) for window in every]
    found = wasserstein_distances(windows.ordered_reference, windows.ordered[::17])
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("process", [BINARY, FIVE, FIFTY], ids=lambda process: process.name)
def test_p_values_of_categories_are_those_of_scipy(process):
    life = Setting(process=process, n_reference=500).life(2, 0)
    windows = Windows(life)
    for found, window in zip(windows.p_values[::9], windows_of(life)[::9], strict=True):
        table = np.array([np.bincount(rows, minlength=len(process.shares)) for rows in (life.reference, window)])
        table = table[:, table.sum(axis=0) > 0]
        assert found == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-9)


def test_a_category_that_the_reference_lacks_counts():
    counts = homogeneity_p_values(np.array([500, 500, 0]), np.array([[500, 500, 0], [475, 475, 50]]))
    assert counts[0] == 1
    assert counts[1] < 1e-9


def test_the_same_life_comes_again_and_another_one_is_another():
    setting = DRIFTED[0]
    np.testing.assert_array_equal(setting.life(1, 3).stream, setting.life(1, 3).stream)
    assert not np.array_equal(setting.life(1, 3).stream, setting.life(1, 4).stream)
    assert not np.array_equal(setting.life(1, 3).stream, setting.life(2, 3).stream)


@pytest.mark.parametrize("setting", DRIFTED, ids=lambda setting: setting.name)
def test_a_drift_begins_at_its_row_and_changes_what_it_says(setting):
    before, after = np.split(setting.life(4, 0).stream, 2)
    measured = {
        "mean +.25 sd": (np.mean, 0.0, 0.25),
        "mean +1 sd": (np.mean, 0.0, 1.0),
        "variance x1.5": (np.var, 1.0, 1.5),
        "new category 5 %": (lambda rows: np.mean(rows == 5), 0.0, 0.05),
        "share 50 -> 60 %": (np.mean, 0.5, 0.6),
        "wrong 10 -> 15 %": (np.mean, 0.1, 0.15),
        "missing 5 -> 10 %": (lambda rows: np.mean(np.isnan(rows)), 0.05, 0.1),
    }
    measure, low, high = measured[setting.drift]
    # Rows that resemble their neighbours tell less about the mean: AR(.9) as little as a 19th of them.
    wide = 5 * np.sqrt((1 + setting.process.rho) / (1 - setting.process.rho) / before.size)
    assert measure(before) == pytest.approx(low, abs=wide)
    assert measure(after) == pytest.approx(high, abs=wide)


def test_processes_are_what_they_are_called():
    rng = np.random.default_rng(5)
    for process in (AR9, NOISY_AR9, ROUNDED, GAPS):
        rows = process.draw(rng, 200_000)
        assert np.nanmean(rows) == pytest.approx(0, abs=0.05)
        assert np.nanstd(rows) == pytest.approx(1, abs=0.05)
    rows = AR9.draw(rng, 200_000)
    assert np.corrcoef(rows[1:], rows[:-1])[0, 1] == pytest.approx(0.9, abs=0.01)
    rows = NOISY_AR9.draw(rng, 200_000)
    assert np.corrcoef(rows[1:], rows[:-1])[0, 1] == pytest.approx(0.45, abs=0.01)
    assert np.unique(ROUNDED.draw(rng, 5_000)).size < 20
    assert np.isnan(GAPS.draw(rng, 200_000)).mean() == pytest.approx(0.05, abs=0.005)

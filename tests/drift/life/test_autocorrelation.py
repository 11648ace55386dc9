import numpy as np
import pytest
from scipy.signal import lfilter

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.autocorrelation import _correlations, autocorrelation_factor
from drift.life.cells import cells_from
from drift.life.evidence import Watch, advance
from drift.life.rule import LifeRule


def autoregressive(rng: np.random.Generator, n: int, correlation: float) -> NumericSample:
    noise = rng.normal(size=n + 200)
    return NumericSample(lfilter([np.sqrt(1 - correlation**2)], [1, -correlation], noise)[200:])


def phi_of(sample) -> float:
    cells = cells_from(sample)
    return autocorrelation_factor(cells, cells.place(sample))


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.0, 1.0, 1.4), (0.3, 1.4, 2.6), (0.6, 3, 6), (0.9, 13, 27)])
@pytest.mark.parametrize("n", [500, 5_000])
def test_phi_is_the_factor_by_which_neighbours_repeat_each_other(correlation, low, high, n):
    # (1 + .9) / (1 - .9) = 19 for the strongest.
    rng = np.random.default_rng(9)
    factors = [phi_of(autoregressive(rng, n, correlation)) for _ in range(20)]
    assert low <= np.median(factors) <= high


def test_phi_does_not_punish_a_daily_cycle_that_averages_out_within_a_bucket():
    hours = np.arange(12_000)
    rng = np.random.default_rng(10)
    assert phi_of(NumericSample(np.sin(2 * np.pi * hours / 20) + rng.normal(size=hours.size))) < 1.5


def test_phi_sees_categories_and_missing_values_that_come_in_runs():
    rng = np.random.default_rng(11)
    runs = np.repeat(rng.integers(0, 3, 1_000), 5)
    assert 4 < phi_of(CategoricalSample(runs, tuple("abc"))) < 8
    values = rng.normal(size=5_000)
    values[np.repeat(rng.random(500) < 0.1, 10)] = np.nan
    assert 6 < phi_of(NumericSample(values)) < 16
    assert phi_of(CategoricalSample(rng.integers(0, 3, 5_000), tuple("abc"))) < 1.5


def test_phi_of_a_constant_is_one():
    assert phi_of(NumericSample(np.ones(2_000))) == 1.0
    assert phi_of(NumericSample(np.full(2_000, np.nan))) == 1.0


def test_phi_of_a_short_reference_sees_correlation_that_noise_or_cutting_hides_from_neighbours():
    rng = np.random.default_rng(12)
    noisy = [autoregressive(rng, 500, 0.9).values + rng.normal(size=500) for _ in range(20)]
    # Half of the variance is noise: 1 + 2 * .5 * (.9 + .81 + ...) = 10; from neighbours alone it looks like 2.6.
    assert 8 < np.median([phi_of(NumericSample(values)) for values in noisy]) < 20
    # The sign of AR(.9): 13.1 from four million rows; from neighbours alone 6.
    cut = [(autoregressive(rng, 500, 0.9).values > 0).astype(int) for _ in range(20)]
    assert 11 < np.median([phi_of(CategoricalSample(codes, ("a", "b"))) for codes in cut]) < 26


def test_phi_is_that_of_the_category_that_comes_in_the_longest_runs():
    rng = np.random.default_rng(13)
    values = autoregressive(rng, 20_000, 0.9).values
    # The lowest of five categories has phi 13.1, the one in the middle 3.8, all together 7.5.
    codes = np.searchsorted([-0.2533, 0.5244, 1.0364, 1.6449], values)
    assert 11 < phi_of(CategoricalSample(codes, tuple("abcde"))) < 20


def test_phi_of_a_long_reference_sees_what_wanders_slowly():
    rng = np.random.default_rng(14)
    slow = np.sin(2 * np.pi * np.arange(100_000) / 5_000)
    assert phi_of(NumericSample(0.3 * slow + rng.normal(size=slow.size))) > 10


def test_correlations_by_transform_are_those_by_definition():
    values, rows = np.random.default_rng(15).normal(size=101).cumsum(), np.arange(101)
    rest = values - np.polynomial.Polynomial.fit(rows, values, 1)(rows)
    slow = [float((rest[: 101 - k] * rest[k:]).sum() / (rest**2).sum()) for k in range(50)]
    np.testing.assert_allclose(_correlations(values), slow, atol=1e-12)


def test_phi_of_a_short_reference_does_not_take_a_trend_for_repetition():
    rng = np.random.default_rng(16)
    values = rng.normal(size=1_000)
    assert phi_of(NumericSample(values + np.linspace(0, 2, 1_000))) < 2 * phi_of(NumericSample(values)) + 30


def days(rng, size, sd, n):
    """Return numbers with a level of their own each day, from one law for ever."""
    level = np.repeat(rng.normal(0, sd, n // size + 2), size)
    return rng.normal(size=n) + level[int(rng.integers(size)) :][:n]


def test_days_that_differ_a_little_are_repetition_where_the_reference_holds_enough_of_them():
    alarms = 0
    for life in range(6):
        rng = np.random.default_rng([17, life])
        before, after = np.split(days(rng, 2_000, 0.1, 80_000), [60_000])
        watch = Watch.over(NumericSample(before), LifeRule())
        assert watch.phi > 8
        counts = watch.cells.counts(NumericSample(after), 100)
        alarms += advance(watch, watch.start(), counts).evidence.alarm is not None
    assert alarms <= 1  # with buckets of at most 500 rows every second life alarms


def test_longer_buckets_cost_independent_rows_next_to_nothing():
    phis = []
    for seed in range(8):
        sample = NumericSample(np.random.default_rng([18, seed]).normal(size=20_000))
        phis.append(Watch.over(sample, LifeRule()).phi)
    assert np.median(phis) < 1.2

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from drift.cells import cells_from
from drift.life import LifeRule, autocorrelation_factor, window_p_values
from drift.samples import CategoricalSample, NumericSample


def autoregressive(rng: np.random.Generator, n: int, correlation: float) -> NumericSample:
    noise = rng.normal(size=n + 200)
    return NumericSample(lfilter([np.sqrt(1 - correlation**2)], [1, -correlation], noise)[200:])


def phi_of(sample) -> float:
    cells = cells_from(sample)
    return autocorrelation_factor(cells, cells.place(sample))


def test_the_rule_spends_half_of_alpha_on_each_part():
    rule = LifeRule(alpha=0.05, window=1_000, stride=100, horizon=20_000)
    assert rule.betting_threshold(1) == 800_000
    assert rule.betting_threshold(10) == 8_000_000
    kappa = 1 + 1.6 * np.log2(10)
    assert rule.life_p(np.array([1e-5]), 3) == pytest.approx(1e-5 * kappa * 3 * 20)


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0}, {"alpha": 1}, {"stride": 0}, {"window": 50}, {"window": 950}, {"horizon": 500}]
)
def test_a_rule_that_cannot_hold_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        LifeRule(**wrong)


def test_a_window_of_categories_has_pearson_s_p_value():
    cells = cells_from(CategoricalSample(np.repeat(np.arange(6), [16, 16, 16, 16, 16, 8]), tuple("abcdef")))
    counts = np.array([[16, 18, 16, 14, 12, 12, 0, 0]])
    assert window_p_values(cells, counts)[0] == pytest.approx(0.898526, abs=1e-6)


def test_rare_categories_are_pooled_by_what_both_samples_expect():
    cells = cells_from(CategoricalSample(np.repeat(np.arange(5), [500, 480, 8, 6, 6]), tuple("abcde")))
    window = [90, 100, 4, 3, 1, 2, 0]
    pooled = stats.chi2_contingency([[500, 480, 20], [90, 100, 10]], correction=False)
    assert window_p_values(cells, np.array([window]))[0] == pytest.approx(pooled.pvalue, rel=1e-9)


def test_a_numeric_window_comes_close_to_ks_and_never_above_its_significance():
    rng = np.random.default_rng(8)
    reference, current = rng.normal(size=5_000), rng.normal(0.13, 1, size=1_000)
    cells = cells_from(NumericSample(reference))
    p_value = window_p_values(cells, cells.counts(NumericSample(current), 1_000))[0]
    exact = stats.ks_2samp(reference, current, method="asymp").pvalue
    assert exact * 0.95 < p_value < exact * 3


def test_a_window_without_values_is_no_evidence():
    cells = cells_from(NumericSample(np.arange(100.0)))
    counts = np.zeros((1, len(cells.labels)), int)
    counts[0, -1] = 1_000
    assert window_p_values(cells, counts).tolist() == [1.0]
    empty = cells_from(NumericSample(np.full(10, np.nan)))
    assert window_p_values(empty, np.array([[5, 5]])).tolist() == [1.0]


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

import numpy as np
import pytest
from scipy import stats

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.cells import cells_from
from drift.life.rule import LifeRule, window_p_values


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

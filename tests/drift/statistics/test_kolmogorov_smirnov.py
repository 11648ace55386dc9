"""The Kolmogorov-Smirnov test: known values, what must not change it, false alarms, power."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.kolmogorov_smirnov import ks_statistic, ks_test

RNG = np.random.default_rng(11)


@pytest.mark.parametrize(
    ("reference", "current", "d", "p_value"),
    [
        (
            [38.7, 41.5, 43.8, 44.5, 45.5, 46, 47.7, 58],
            [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8],
            0.625,
            0.0870241,
        ),
        (np.linspace(1, 100, 100), np.linspace(1, 100, 110) + 20.1, 232 / 1100, 0.015739183865607353),
        (
            np.repeat([2, 3, 5, 6], [3, 4, 5, 4]),
            np.repeat([3, 4, 6, 7], [3, 4, 5, 4]),
            5 / 16,
            0.4262934613454952,
        ),
        (np.arange(500), np.arange(500) + 1000, 1.0, 7.3995e-300),
    ],
)
def test_ks_test_knows_the_published_answers(reference, current, d, p_value):
    result = ks_test(np.asarray(reference, float), np.asarray(current, float), method="exact")
    assert result.statistic == pytest.approx(d, rel=1e-12)
    assert result.p_value == pytest.approx(p_value, rel=1e-5)
    assert result.effect_size == result.statistic


def test_ks_test_stays_finite_where_p_underflows():
    result = ks_test(np.arange(1000.0), np.arange(1000.0) + 2000)
    assert result.p_value == 0
    assert result.log10_p == pytest.approx(-600, abs=1)


def some_samples():
    """Samples with and without ties, of all orders of size, some large enough for the coarse first look."""
    rng = np.random.default_rng(3)
    for n, m in [(1, 1), (3, 7), (50, 400), (9_000, 12_000), (40_000, 9_001), (9_001, 40_000)]:
        for n_values in (2, 60, 10**9):
            yield rng.integers(0, n_values, n) / 7, rng.integers(0, n_values, m) / 7 + rng.choice([0, n_values / 900])


@pytest.mark.parametrize(("reference", "current"), list(some_samples()))
def test_ks_statistic_is_the_largest_gap_and_occurs_where_it_says(reference, current):
    d, location, sign = ks_statistic(np.sort(reference), np.sort(current))
    everywhere = np.concatenate([reference, current])
    shares = [
        np.searchsorted(np.sort(values), everywhere, side="right") / values.size for values in (reference, current)
    ]
    assert d == pytest.approx(np.abs(shares[0] - shares[1]).max(), abs=1e-12)
    gap = (reference <= location).mean() - (current <= location).mean()
    assert gap == pytest.approx(sign * d, abs=1e-12)


def test_ks_test_sees_infinities_as_values():
    reference, current = RNG.normal(size=400), RNG.normal(size=400)
    current[:200] = np.inf
    result = ks_test(reference, current)
    assert result.effect_size == pytest.approx(stats.ks_2samp(reference, current).statistic)
    assert result.effect_size >= 0.4


def test_ks_test_does_not_depend_on_direction_nor_on_units():
    reference, current = RNG.normal(size=700), RNG.normal(0.2, 1, size=601)
    result = ks_test(reference, current)
    for changed in (ks_test(current, reference), ks_test(np.exp(reference) * 9, np.exp(current) * 9)):
        assert changed.statistic == pytest.approx(result.statistic, abs=1e-12)
        assert changed.p_value == pytest.approx(result.p_value, rel=1e-9)


def test_ks_test_keeps_its_false_alarm_rate():
    rng = np.random.default_rng(7)
    # Coprime sizes: with equal ones the statistic takes few values and the true rate is only 0.037.
    p_values = [ks_test(rng.normal(size=211), rng.normal(size=199)).p_value for _ in range(2_000)]
    assert 0.035 < np.mean(np.array(p_values) <= 0.05) < 0.065  # 0.05 plus or minus 3 standard errors


def test_ks_test_finds_a_quarter_of_a_standard_deviation():
    rng = np.random.default_rng(8)
    found = [ks_test(rng.normal(size=5_000), rng.normal(0.25, 1, 1_000)).p_value < 0.01 for _ in range(50)]
    assert np.mean(found) > 0.95


@pytest.mark.parametrize("sample", [[], [1.0, np.nan]])
def test_ks_test_refuses_what_would_keep_a_badge_green_for_ever(sample):
    with pytest.raises(ValueError, match="current must hold at least one value and no NaN"):
        ks_test(np.array([1.0, 2.0]), np.array(sample))

"""p-values of the KS statistic: SciPy's, at any size, and never zero on a log scale."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.ks_p_values import ks_p_values, log_exact_p

SIZES = [(50, 50), (60, 53), (140, 5_000), (281, 283), (500, 499), (700, 50_000), (1_000, 1_000), (5_000, 1_000)]
SIZES += [(50_000, 5_000), (100_000, 100_000), (400_000, 300_000)]


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_asymptotic_p_values_are_those_of_scipy(n, m):
    effective = round(n * m / (n + m))
    n_looks = 90 if effective < 10_000 else 9  # SciPy sums `effective` terms for each
    d = np.concatenate([np.linspace(1e-3, 0.99, n_looks), np.sqrt(np.linspace(0.01, 360, n_looks) / effective)])
    d = np.sort(d[d < 1])
    expected = stats.kstwo.sf(d, effective)
    p_values, log10_p = ks_p_values(d, n, m)
    comparable = expected > 1e-300
    np.testing.assert_allclose(p_values[comparable], expected[comparable], rtol=1e-6)
    assert np.isfinite(log10_p).all()
    assert (np.diff(log10_p) <= 1e-12).all()


def test_exact_p_values_are_those_of_scipy_below_50_rows():
    rng = np.random.default_rng(4)
    for _ in range(60):
        n, m = int(rng.integers(1, 50)), int(rng.integers(1, 300))
        reference, current = rng.integers(0, 40, n), rng.integers(0, 40, m) + rng.integers(0, 12)
        expected = stats.ks_2samp(reference, current, method="exact")
        p_value, log10_p = ks_p_values(expected.statistic, n, m)
        assert p_value == pytest.approx(expected.pvalue, rel=1e-9)
        assert log10_p == pytest.approx(np.log10(expected.pvalue), abs=1e-9)


def test_samples_that_do_not_overlap_have_a_finite_log_p_at_any_size():
    p_value, log10_p = ks_p_values(1.0, 500, 500)
    assert p_value == pytest.approx(7.3995e-300, rel=1e-4)
    p_value, log10_p = ks_p_values(1.0, [1_000, 1_000_000], [1_000, 1_000_000])
    assert p_value.tolist() == [0.0, 0.0]
    assert log10_p == pytest.approx([-600.0, -602_056.5], abs=0.1)


def test_equal_samples_have_p_one():
    assert ks_p_values(0.0, [7, 1_000], [9, 900])[0].tolist() == [1.0, 1.0]


def test_the_exact_p_counts_paths_of_long_samples_too():
    assert np.exp(log_exact_p(232 / 1100, 100, 110)) == pytest.approx(0.015739183865607353, rel=1e-9)


def test_an_exact_p_too_large_to_count_falls_back_on_the_asymptotic_one():
    p_value, _ = ks_p_values(0.05, 2_000, 2_000)
    assert np.exp(log_exact_p(0.05, 2_000, 2_000)) == pytest.approx(float(p_value), rel=1e-6)


def test_shapes_are_kept():
    p_values, log10_p = ks_p_values(np.full((3, 2), 0.1), 1_000, [500, 800])
    assert p_values.shape == log10_p.shape == (3, 2)
    assert np.shape(ks_p_values(0.1, 1_000, 900)[0]) == ()


@pytest.mark.parametrize(("d", "n", "m"), [(np.nan, 5, 5), (1.1, 5, 5), (0.5, 0, 5)])
def test_impossible_arguments_are_refused(d, n, m):
    with pytest.raises(ValueError, match="d must be between 0 and 1"):
        ks_p_values(d, n, m)

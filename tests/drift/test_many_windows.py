"""What is computed for many windows together is what is computed for each alone."""

import numpy as np
import pytest

from drift.statistics.adjustment import adjusted_by_window, benjamini_hochberg
from drift.statistics.chi_squared import chi_squared_test, chi_squared_tests
from drift.statistics.effects import moved_share, moved_shares
from drift.statistics.rare import missing_share_test, missing_share_tests
from drift.statistics.two_sample import NUMBERS


@pytest.mark.parametrize("concentration", [0.1, 0.5, 3.0])
@pytest.mark.parametrize("n_categories", [2, 5, 20, 21, 60])
def test_chi_squared_tests_pool_and_count_as_one_test_does(n_categories, concentration):
    rng = np.random.default_rng(n_categories)
    for _ in range(20):
        shares = rng.dirichlet(np.full(n_categories, concentration))
        reference = rng.multinomial(rng.integers(50, 5_000), shares) + 1
        others = [shares, shares, rng.dirichlet(np.full(n_categories, 0.5))]
        windows = np.array([rng.multinomial(rng.integers(2, 3_000), drawn) for drawn in others])
        together = chi_squared_tests(reference, windows)
        for at, window in enumerate(windows):
            found, alone = together.result(at), chi_squared_test(reference, window)
            assert (found.test, found.df) == ("chi2", alone.df)
            if alone.df == 0:
                continue
            for name in NUMBERS:
                assert getattr(found, name) == pytest.approx(getattr(alone, name), rel=1e-9, abs=1e-300), name


def test_moved_shares_are_those_of_each_window():
    rng = np.random.default_rng(1)
    for n_categories in (3, 20, 21, 300):
        reference, windows = rng.poisson(30, n_categories) + 1, rng.poisson(20, (5, n_categories))
        alone = [moved_share(reference, window) for window in windows]
        np.testing.assert_allclose(moved_shares(reference, windows), alone, rtol=1e-12)


def test_missing_share_tests_are_those_of_each_window():
    rng = np.random.default_rng(2)
    for missing_reference in (0, 1, 30, 990, 1_000):
        n = rng.integers(1, 5_000, 60)
        missing = np.minimum(n, rng.choice([0, 1, 2, 7, 40, 5_000], 60))
        together = missing_share_tests(1_000, missing_reference, n, missing)
        alone = [missing_share_test(1_000, missing_reference, int(a), int(b)) for a, b in zip(n, missing, strict=True)]
        np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_p_values_are_adjusted_within_each_window_over_the_columns_that_have_one():
    rng = np.random.default_rng(3)
    p_values = rng.choice([0.0, 1e-9, 0.01, 0.04, 0.5, 1.0, np.nan], (12, 200))
    adjusted = adjusted_by_window(p_values)
    for alone, together in zip(p_values.T, adjusted.T, strict=True):
        present = ~np.isnan(alone)
        np.testing.assert_allclose(together[present], benjamini_hochberg(alone[present]), rtol=1e-12)
        assert np.isnan(together[~present]).all()

"""Effect sizes: known values, and what must not change them."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.chi_squared import chi_squared_test
from drift.statistics.effects import adjusted_residuals, moved_share, quantile_table, wasserstein_in_sd

RNG = np.random.default_rng(41)


def test_wasserstein_is_that_of_scipy_in_standard_deviations():
    a, b = np.sort(RNG.normal(size=300)), np.sort(RNG.gamma(2, size=170))
    assert wasserstein_in_sd(a, b) == pytest.approx(stats.wasserstein_distance(a, b) / a.std())
    assert wasserstein_in_sd(10 * a + 3, 10 * b + 3) == pytest.approx(wasserstein_in_sd(a, b))


def test_a_constant_reference_has_no_standard_deviation_to_count_in():
    assert wasserstein_in_sd(np.ones(5), np.ones(3)) == 0
    assert wasserstein_in_sd(np.ones(5), np.full(3, 2.0)) == np.inf


def plain_total_variation(reference, current):
    """What `moved_share` is without its correction."""
    reference, current = np.asarray(reference, float), np.asarray(current, float)
    return np.abs(reference / reference.sum() - current / current.sum()).sum() / 2


@pytest.mark.parametrize("factor", [1, 10, 1_000])
def test_the_moved_share_does_not_grow_with_the_samples(factor):
    assert moved_share([50 * factor, 50 * factor], [70, 30]) == pytest.approx(0.2)
    assert chi_squared_test([500 * factor, 500 * factor], [70, 30]).effect_size == pytest.approx(0.2)


@pytest.mark.parametrize(("a", "b", "expected"), [([1, 0], [0, 1], 1), ([3, 5], [6, 10], 0)])
def test_the_moved_share_lies_between_the_same_and_nothing_in_common(a, b, expected):
    assert moved_share(a, b) == pytest.approx(expected)


def test_residuals_of_two_categories_are_the_root_of_chi_squared():
    statistic = chi_squared_test([500, 500], [60, 40]).statistic
    assert adjusted_residuals([500, 500], [60, 40]) == pytest.approx([statistic**0.5, -(statistic**0.5)])
    assert adjusted_residuals([5, 0, 5], [5, 0, 5]).tolist() == [0, 0, 0]


def test_the_quantile_table_shows_a_shift_at_every_level():
    values = np.sort(RNG.normal(size=500))
    for _, before, after in quantile_table(values, values + 2):
        assert after - before == pytest.approx(2)


def shares(k, decay):
    share = 1 / np.arange(1, k + 1) ** decay
    return share / share.sum()


@pytest.mark.parametrize("k", [21, 50, 300, 2_000])
@pytest.mark.parametrize("decay", [0, 1])
@pytest.mark.parametrize(("n", "m"), [(5_000, 1_000), (4_987, 211)])
def test_a_healthy_column_of_many_categories_has_hardly_moved(k, decay, n, m):
    rng = np.random.default_rng(42)
    p = shares(k, decay)
    moved = [moved_share(rng.multinomial(n, p), rng.multinomial(m, p)) for _ in range(60)]
    assert np.mean(moved) < 0.04
    # A red badge needs .10: the plain total variation of 300 categories and 1,000 rows is .24.
    assert np.quantile(moved, 0.95) < 0.1


def test_the_move_of_many_rare_categories_is_counted_nearly_whole():
    rng = np.random.default_rng(43)
    p = shares(300, 0)
    half = np.where(np.arange(300) % 2, p, 0) * 2
    moved = [moved_share(rng.multinomial(5_000, p), rng.multinomial(1_000, half)) for _ in range(20)]
    assert 0.38 < np.mean(moved) < 0.52
    many = [moved_share(rng.multinomial(50_000, p), rng.multinomial(5_000, half)) for _ in range(20)]
    assert np.mean(many) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("k", [50, 300])
def test_one_category_that_takes_a_tenth_is_a_tenth(k):
    rng = np.random.default_rng(44)
    p = shares(k, 1)
    q = 0.9 * p
    q[k // 2] += 0.1
    moved = [moved_share(rng.multinomial(5_000, p), rng.multinomial(1_000, q)) for _ in range(40)]
    assert np.mean(moved) == pytest.approx(plain_total_variation(p, q), abs=0.02)


def test_few_categories_have_moved_as_far_as_they_have():
    assert moved_share([50, 50], [70, 30]) == 0.2
    assert moved_share([5, 0, 3], [5, 0, 3]) == 0
    twenty = RNG.integers(1, 50, (2, 20))
    assert moved_share(*twenty) == pytest.approx(plain_total_variation(*twenty), abs=1e-11)


def test_the_effect_of_the_test_counts_what_pooling_hides():
    p = np.full(300, 40)
    half = np.where(np.arange(300) % 2, 14, 0)
    assert chi_squared_test(p, half).effect_size == pytest.approx(0.5, abs=0.03)

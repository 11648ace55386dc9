"""Two-sample tests: known values, what must not change them, false alarms, power."""

import numpy as np
import pytest
from scipy import special, stats

from drift.statistics.rare import missing_share_test
from drift.statistics.two_sample import benjamini_hochberg, chi_squared_test, ks_statistic, ks_test, pooled

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


@pytest.mark.parametrize(
    ("reference", "current", "statistic", "df", "p_value"),
    [
        ([16, 16, 16, 16, 16, 8], [16, 18, 16, 14, 12, 12], 1.62241, 5, 0.898526),
        ([32, 36, 32, 28, 24, 24], [16, 16, 16, 16, 16, 8], 2.13566, 5, 0.830073),
        ([500, 500], [60, 40], 3.63757, 1, 0.0564895),
        ([167, 167, 166, 0], [167, 166, 166, 1], 1.00300, 3, 0.800525),
    ],
)
def test_chi_squared_test_knows_the_published_answers(reference, current, statistic, df, p_value):
    result = chi_squared_test(reference, current, min_expected=0)
    assert (result.statistic, result.df) == (pytest.approx(statistic, rel=1e-5), df)
    assert result.p_value == pytest.approx(p_value, rel=1e-5)


def test_chi_squared_test_is_that_of_scipy_where_nothing_is_rare():
    reference, current = RNG.integers(50, 500, (2, 9))
    result = chi_squared_test(reference, current)
    expected = stats.chi2_contingency([reference, current], correction=False)
    assert (result.statistic, result.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_chi_squared_test_does_not_depend_on_direction_names_or_empty_categories():
    reference, current = np.array([400, 300, 200, 100]), np.array([80, 90, 50, 20])
    result = chi_squared_test(reference, current)
    order = [2, 0, 3, 1]
    for changed in (
        chi_squared_test(current, reference),
        chi_squared_test(reference[order], current[order]),
        chi_squared_test([*reference, 0], [*current, 0]),
    ):
        assert changed.statistic == pytest.approx(result.statistic, rel=1e-12)
        assert changed.df == result.df


def test_rare_categories_are_pooled_by_both_samples_together():
    # Of the 3 + 1 rows, 40 % are expected in the smaller sample: too few, and the pool takes in the next smallest.
    table = pooled([300, 290, 7, 3], [200, 190, 9, 1])
    assert table.tolist() == [[300, 290, 10], [200, 190, 10]]
    assert pooled([300, 297, 3], [200, 199, 1]).tolist() == [[300, 300], [200, 200]]


def test_one_category_in_both_samples_says_nothing():
    result = chi_squared_test([500], [60])
    assert (result.p_value, result.df, result.effect_size) == (1.0, 0, 0.0)


@pytest.mark.parametrize("df", [1, 2, 5, 60])
def test_chi_squared_log_p_goes_on_smoothly_where_p_underflows(df):
    counts = np.eye(df + 1)[0] * 5_000
    results = [chi_squared_test(np.full(df + 1, n), counts, min_expected=0) for n in (30, 100, 400, 5_000)]
    assert (np.diff([result.log10_p for result in results]) < 0).all()
    assert results[-1].p_value == 0
    # The tail of chi-squared is that of exp(-x / 2), times a power of x.
    x = results[-1].statistic
    tail = -x / 2 + (df / 2 - 1) * np.log(x / 2) - special.gammaln(df / 2) + np.log1p((df - 2) / x)
    assert results[-1].log10_p == pytest.approx(tail / np.log(10), rel=1e-6)


@pytest.mark.parametrize("n_categories", [3, 10, 50])
def test_chi_squared_test_keeps_its_false_alarm_rate(n_categories):
    rng = np.random.default_rng(n_categories)
    shares = rng.dirichlet(np.ones(n_categories))
    alarms = []
    for _ in range(2_000):
        reference, current = rng.multinomial(1_003, shares), rng.multinomial(997, shares)
        alarms.append(chi_squared_test(reference, current).p_value <= 0.05)
    assert 0.035 < np.mean(alarms) < 0.065


def test_chi_squared_test_finds_ten_points_of_moved_traffic():
    rng = np.random.default_rng(9)
    found = [
        chi_squared_test(rng.multinomial(5_000, [0.5, 0.3, 0.2]), rng.multinomial(1_000, [0.4, 0.4, 0.2])).p_value
        < 0.01
        for _ in range(50)
    ]
    assert np.mean(found) > 0.95


@pytest.mark.parametrize(("reference", "current"), [([0, 0], [1, 2]), ([1, -2], [1, 2])])
def test_counts_that_are_none_are_refused(reference, current):
    with pytest.raises(ValueError, match="counts must be two equally long lists"):
        chi_squared_test(reference, current)


def test_adjusted_p_values_are_those_of_scipy():
    p_values = RNG.random(40) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p_values), stats.false_discovery_control(p_values))
    assert benjamini_hochberg([]).size == 0
    with pytest.raises(ValueError, match="p_values must be numbers"):
        benjamini_hochberg([0.1, np.nan])


def test_what_is_rare_beside_a_frequent_category_has_an_exact_test():
    result = chi_squared_test([4_995, 5], [980, 20])
    assert (result.df, result.p_value) == (1, pytest.approx(missing_share_test(5_000, 5, 1_000, 20)))
    few = chi_squared_test([4_999, 1], [998, 2])
    assert few.p_value == pytest.approx(missing_share_test(5_000, 1, 1_000, 2))
    assert few.p_value > 0.01


def test_the_exact_test_of_rare_classes_keeps_its_false_alarm_rate():
    rng = np.random.default_rng(12)
    alarms = [
        chi_squared_test(rng.multinomial(5_000, [0.999, 0.001]), rng.multinomial(1_000, [0.999, 0.001])).p_value <= 0.05
        for _ in range(1_000)
    ]
    assert np.mean(alarms) < 0.06

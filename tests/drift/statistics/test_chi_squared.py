"""The chi-squared test: known values, what must not change it, false alarms, power."""

import numpy as np
import pytest
from scipy import special, stats

from drift.statistics.chi_squared import chi_squared_test, pooled
from drift.statistics.rare import missing_share_test

RNG = np.random.default_rng(11)


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

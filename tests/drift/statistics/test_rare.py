"""Exact tests of rare things: missing values, unseen categories."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.rare import missing_share_test, unseen_p_value


@pytest.mark.parametrize(("n", "m", "k"), [(500, 500, 1), (50_000, 1_000, 7), (100, 60, 60)])
def test_unseen_p_is_the_chance_that_all_such_rows_fall_in_the_window(n, m, k):
    p_value, log10_p = unseen_p_value(n, m, k)
    assert p_value == pytest.approx(np.prod((m - np.arange(k)) / (n + m - np.arange(k))), rel=1e-9)
    assert log10_p == pytest.approx(np.log10(p_value), abs=1e-9)


def test_unseen_log_p_stays_finite_where_p_underflows():
    p_value, log10_p = unseen_p_value(100_000, 10_000, 10_000)
    assert p_value == 0
    assert np.isfinite(log10_p)


def test_singletons_of_the_reference_make_unseen_values_less_surprising():
    assert unseen_p_value(5_000, 1_000, 20, n_singletons=100)[0] > 0.3
    assert unseen_p_value(5_000, 1_000, 20, n_singletons=0)[0] < 1e-10


@pytest.mark.parametrize(("exponent", "at_most"), [(0.0, 0.06), (1.1, 0.028), (2.0, 0.028)])
def test_columns_of_many_rare_categories_keep_their_false_alarm_rate(exponent, at_most):
    rng = np.random.default_rng(2)
    shares = np.arange(1, 3_001.0) ** -exponent
    shares /= shares.sum()
    alarms = []
    for _ in range(300):
        reference, current = rng.multinomial(5_000, shares), rng.multinomial(1_000, shares)
        n_unseen, n_singletons = int(current[reference == 0].sum()), int((reference == 1).sum())
        alarms.append(unseen_p_value(5_000, 1_000, n_unseen, n_singletons)[0] <= 0.01)
    # .01 and 3 standard errors; without counting singletons the rate is 1. Where thousands of categories are equally
    # rare, rows of one category come together, and the rate is somewhat higher.
    assert np.mean(alarms) < at_most


def test_missing_share_is_pearsons_test_where_nothing_is_rare():
    expected = stats.chi2_contingency([[4_900, 100], [950, 50]], correction=False)
    assert missing_share_test(5_000, 100, 1_000, 50) == pytest.approx(expected.pvalue, rel=1e-9)


def test_one_missing_value_is_no_alarm():
    assert missing_share_test(50_000, 0, 1_000, 1) == pytest.approx(2 * 1_000 / 51_000, rel=1e-6)
    assert missing_share_test(50_000, 0, 1_000, 1_000) < 1e-300


@pytest.mark.parametrize("missing", [0, 1])
def test_equal_shares_have_p_one(missing):
    assert missing_share_test(5_000, 5_000 * missing, 70, 70 * missing) == 1.0


def test_missing_share_keeps_its_false_alarm_rate():
    rng = np.random.default_rng(5)
    for share in (0.001, 0.02, 0.999):
        drawn = zip(rng.binomial(5_000, share, 2_000), rng.binomial(1_000, share, 2_000), strict=True)
        assert np.mean([missing_share_test(5_000, int(a), 1_000, int(b)) <= 0.05 for a, b in drawn]) < 0.065

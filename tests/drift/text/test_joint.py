"""All columns at once: a flipped correlation is seen, healthy rows keep their false alarm rate."""

import numpy as np
import pytest
from scipy import stats

from drift.data.samples import CategoricalSample, NumericSample
from drift.text.joint import joint_test, rank_test


def rows(rng, n, *, correlation=0.8, shift=0.0, second=0.3):
    x = rng.normal(size=n)
    y = correlation * x + 0.6 * rng.normal(size=n) + shift
    kind = (rng.random(n) < second).astype(int)
    return {"x": NumericSample(x), "y": NumericSample(y), "kind": CategoricalSample(kind, ("a", "b"))}


@pytest.mark.slow
def test_healthy_rows_are_told_apart_no_more_often_than_by_chance():
    rng = np.random.default_rng(8)
    p_values = [joint_test(rows(rng, 180), rows(rng, 130), seed=k).p_value for k in range(25)]
    assert sum(p <= 0.05 for p in p_values) <= 4
    assert min(p_values) > 1e-4


def test_a_correlation_that_flips_is_seen_though_no_column_moved():
    rng = np.random.default_rng(9)
    before, now = rows(rng, 800), rows(rng, 600, correlation=-0.8)
    for name in ("x", "y"):
        assert stats.ks_2samp(before[name].values, now[name].values).pvalue > 0.001
    found = joint_test(before, now)
    assert found.p_value < 1e-12
    assert {name for name, importance in found.importances if importance > 0.05} == {"x", "y"}
    assert "most by" in found.said


def test_a_moved_category_and_missing_values_are_named():
    rng = np.random.default_rng(10)
    before, now = rows(rng, 600), rows(rng, 600, second=0.8)
    assert joint_test(before, now).importances[0][0] == "kind"
    x = now["x"].values.copy()
    x[:200] = np.nan
    gaps = joint_test(before, rows(rng, 600) | {"x": NumericSample(x)})
    assert gaps.importances[0][0] == "x"


def test_nothing_is_explained_where_nothing_was_found():
    rng = np.random.default_rng(11)
    found = joint_test(rows(rng, 200), rows(rng, 200))
    assert found.importances == ()
    assert "no better than chance" in found.said


def test_the_rank_test_is_that_of_scipy():
    rng = np.random.default_rng(12)
    score, is_now = np.round(rng.random(300), 1), rng.integers(0, 2, 300)
    expected = stats.mannwhitneyu(
        score[is_now == 1], score[is_now == 0], alternative="greater", method="asymptotic", use_continuity=False
    )
    auc, p_value = rank_test(score, is_now)
    assert p_value == pytest.approx(expected.pvalue)
    assert auc == pytest.approx(expected.statistic / (is_now.sum() * (1 - is_now).sum()))


def test_rows_must_have_the_same_columns_and_be_enough():
    rng = np.random.default_rng(13)
    with pytest.raises(ValueError, match="must hold the same columns"):
        joint_test(rows(rng, 100), {"x": NumericSample(np.ones(100))})
    with pytest.raises(ValueError, match="at least 50 rows each; got 100 and 49"):
        joint_test(rows(rng, 100), rows(rng, 49))


def test_hundreds_of_categories_are_no_obstacle():
    rng = np.random.default_rng(14)
    names = tuple(f"c{k}" for k in range(600))
    before = {"c": CategoricalSample(rng.integers(-1, 600, 900), names)}
    now = {"c": CategoricalSample(rng.integers(-1, 300, 900), names)}
    assert joint_test(before, now).p_value < 1e-3

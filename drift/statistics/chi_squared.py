"""Pearson's chi-squared test of two samples of categories, rare ones pooled: of one window, or of many together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from drift.statistics.effects import moved_share, moved_shares
from drift.statistics.ks_p_values import SMALLEST_P
from drift.statistics.rare import missing_share_test
from drift.statistics.two_sample import NUMBERS, TwoSampleResult

# A chi-squared cell is trusted from this expected count on (Cochran 1954).
MIN_EXPECTED = 5.0
_LOG10 = np.log(10)


def chi_squared_test(
    reference_counts: ArrayLike, current_counts: ArrayLike, min_expected: float = MIN_EXPECTED
) -> TwoSampleResult:
    """Test whether two samples of categories come from one distribution (Pearson's 2xK table, no Yates correction).

    Both samples are noisy, so this is not the one-sample test of the current counts against fixed shares: that one
    alarms on 20 % of healthy windows at 3 categories and on 96 % at 50.

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_categories,)
        Categories in the same order; those empty in both are dropped.
    min_expected : float
        Categories that expect fewer rows in the smaller sample are pooled; 0 pools none.

    Returns
    -------
    TwoSampleResult
        `effect_size` is of all categories, pooled or not. Where one is left after pooling, nothing can be told: `df`
        and `effect_size` are 0, the p-value is 1.

    Raises
    ------
    ValueError
        If a sample holds no row, a count is negative, or the shapes differ.

    Examples
    --------
    >>> result = chi_squared_test([16, 16, 16, 16, 16, 8], [16, 18, 16, 14, 12, 12])
    >>> round(result.statistic, 5), result.df, round(result.p_value, 6)
    (1.62241, 5, 0.898526)
    """
    table = pooled(reference_counts, current_counts, min_expected)
    # Pooling is for the test: what moved among rare categories has moved all the same.
    effect_size = moved_share(reference_counts, current_counts)
    df = table.shape[1] - 1
    if df == 0:
        return TwoSampleResult("chi2", 0.0, 1.0, 0.0, 0.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    if df == 1 and expected[:, 1].min() < min_expected:
        (n_reference, n_current), (rare_before, rare_now) = table.sum(axis=1), table[:, 1]
        p_value, log10_p = _exact_p(n_reference, rare_before, n_current, rare_now)
        return TwoSampleResult("chi2", statistic, p_value, log10_p, effect_size, df)
    p_value, log10_p = (float(part[0]) for part in _chi_squared_p(np.array([statistic]), np.array([df])))
    return TwoSampleResult("chi2", statistic, p_value, log10_p, effect_size, df)


@dataclass(frozen=True, eq=False)
class ChiSquaredTests:
    """Chi-squared tests of many windows.

    Attributes
    ----------
    statistic, p_value, log10_p, effect_size : float arrays, shape (n_windows,)
        As in `TwoSampleResult`.
    df : int array, shape (n_windows,)
        0 where all categories are too rare.
    """

    statistic: np.ndarray
    p_value: np.ndarray
    log10_p: np.ndarray
    effect_size: np.ndarray
    df: np.ndarray

    def result(self, window: int) -> TwoSampleResult:
        """Return the test of one window."""
        numbers = {name: float(getattr(self, name)[window]) for name in NUMBERS}
        return TwoSampleResult(test="chi2", df=int(self.df[window]), **numbers)


def chi_squared_tests(reference_counts: np.ndarray, counts: np.ndarray) -> ChiSquaredTests:
    """Test many windows together, as `chi_squared_test` tests each.

    Parameters
    ----------
    reference_counts : int array, shape (n_categories,)
        None zero.
    counts : int array, shape (n_windows, n_categories)
        No window empty.

    Returns
    -------
    ChiSquaredTests

    Examples
    --------
    >>> together = chi_squared_tests(np.array([16, 16, 8]), np.array([[18, 16, 12], [1, 0, 0]]))
    >>> together.statistic.round(6), round(chi_squared_test([16, 16, 8], [18, 16, 12]).statistic, 6), together.df
    (array([0.501483, 0.      ]), 0.501483, array([2, 0]))
    """
    n_reference, sizes = reference_counts.sum(), counts.sum(axis=1, keepdims=True)
    both = reference_counts + counts
    n = n_reference + sizes
    kept, has_pool = _kept(both * np.minimum(n_reference, sizes) / n)
    expected_reference, expected = both * n_reference / n, both * sizes / n
    # Both rows of the table are as far from what is expected of them.
    gap = counts - expected
    terms = gap**2 / expected_reference + gap**2 / expected
    statistics = np.where(kept, terms, 0.0).sum(axis=1)
    in_pool = [np.where(kept, 0.0, part).sum(axis=1) for part in (gap, expected_reference, expected)]
    pooled_gap, pooled_reference, pooled_expected = (part[has_pool] for part in in_pool)
    statistics[has_pool] += pooled_gap**2 / pooled_reference + pooled_gap**2 / pooled_expected
    df = kept.sum(axis=1) + has_pool - 1
    p_values, log10_p = _chi_squared_p(statistics, np.maximum(df, 1))
    smaller = np.minimum(in_pool[1], in_pool[2])
    for window in np.flatnonzero(has_pool & (df == 1) & (smaller < MIN_EXPECTED)).tolist():
        rare = ~kept[window]
        exact = _exact_p(n_reference, reference_counts[rare].sum(), sizes[window, 0], counts[window, rare].sum())
        p_values[window], log10_p[window] = exact
    return ChiSquaredTests(statistics, p_values, log10_p, moved_shares(reference_counts, counts), df)


def _exact_p(n_reference: float, rare_reference: float, n_current: float, rare_current: float) -> tuple[float, float]:
    """Return p and log10 p of a changed share of what is too rare for Pearson's test."""
    p_value = missing_share_test(int(n_reference), int(rare_reference), int(n_current), int(rare_current))
    return p_value, float(np.log10(max(p_value, SMALLEST_P)))


def _kept(expected: np.ndarray, min_expected: float = MIN_EXPECTED) -> tuple[np.ndarray, np.ndarray]:
    """Tell by window which categories stay by themselves, and whether the others make a pool.

    A pool that would expect too few rows itself takes in the smallest of the others, but never the largest where that
    is frequent: beside it, the pool has an exact test.

    Parameters
    ----------
    expected : float array, shape (n_windows, n_categories)
        Rows that each category expects in the smaller sample.

    Returns
    -------
    kept : bool array of the same shape
    has_pool : bool array, shape (n_windows,)
    """
    n_windows, size = expected.shape
    order = np.argsort(-expected, axis=1, kind="stable")
    falling = np.take_along_axis(expected, order, axis=1)
    # What would be in the pool if the k most frequent categories were kept.
    rest = np.column_stack([np.cumsum(falling[:, ::-1], axis=1)[:, ::-1], np.zeros(n_windows)])
    n_frequent = (expected >= min_expected).sum(axis=1)
    k = np.arange(size + 1)
    possible = (k <= n_frequent[:, None]) & ((rest >= min_expected) | (k <= 1) | (k == size))
    n_kept = np.where(possible, k, 0).max(axis=1)
    kept = np.empty(expected.shape, bool)
    np.put_along_axis(kept, order, k[:-1] < n_kept[:, None], axis=1)
    return kept, n_kept < size


def pooled(reference_counts: ArrayLike, current_counts: ArrayLike, min_expected: float = MIN_EXPECTED) -> np.ndarray:
    """Return the 2xK table with its rare categories in one last column.

    Which are rare is read from both samples together, so that the choice knows nothing of their difference.

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_categories,)
        Categories in the same order; those empty in both are dropped.
    min_expected : float
        Categories that expect fewer rows in the smaller sample are pooled; 0 pools none.

    Returns
    -------
    float array, shape (2, n_kept) or (2, n_kept + 1)
        Reference and current rows, with a pool if any category is rare. A pool that would expect too few rows itself
        has taken in the smallest of the others.

    Raises
    ------
    ValueError
        If a sample holds no row, a count is negative, or the shapes differ.

    Examples
    --------
    >>> pooled([300, 290, 7, 3], [200, 190, 9, 1])
    array([[300., 290.,  10.],
           [200., 190.,  10.]])
    """
    table = np.array([reference_counts, current_counts], float)
    if table.ndim != 2 or (table < 0).any() or not table.sum(axis=1).all():
        raise ValueError(f"counts must be two equally long lists, none negative nor all zero; got {table.tolist()}.")
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    (kept,), (has_pool,) = _kept(expected[None], min_expected)
    if not has_pool:
        return table
    return np.column_stack([table[:, kept], table[:, ~kept].sum(axis=1)])


def _chi_squared_p(statistics: np.ndarray, df: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return p-values and their decimal logarithms, which stay finite where the p-value is no number any more."""
    p_values = special.chdtrc(df, statistics)
    is_number = p_values > SMALLEST_P
    log10_p = np.log10(p_values, out=np.zeros(p_values.shape), where=is_number)
    # Continued fraction of the incomplete gamma function (Abramowitz and Stegun 6.5.31), from its tail.
    a, x = df[~is_number] / 2, statistics[~is_number] / 2
    fraction = np.zeros(a.shape)
    for k in range(200, 0, -1) if a.size else ():
        fraction = k * (a - k) / (x + 2 * k + 1 - a + fraction)
    log10_p[~is_number] = (a * np.log(x) - x - special.gammaln(a) - np.log(x + 1 - a + fraction)) / _LOG10
    return p_values, log10_p

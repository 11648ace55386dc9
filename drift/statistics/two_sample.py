"""Whether two samples of one column come from one distribution, and how far apart they are."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from drift.statistics.effects import moved_share, moved_shares
from drift.statistics.ks_p_values import SMALLEST_P, ks_p_values, log_exact_p
from drift.statistics.rare import missing_share_test, unseen_p_value

__all__ = [
    "TwoSampleResult",
    "benjamini_hochberg",
    "chi_squared_test",
    "ks_p_values",
    "ks_statistic",
    "ks_test",
    "missing_share_test",
    "pooled",
    "unseen_p_value",
]

# "none" stands where there was too little to test.
Test = Literal["ks", "chi2", "constant", "none"]
# A chi-squared cell is trusted from this expected count on (Cochran 1954).
MIN_EXPECTED = 5.0
# Samples up to this size are compared value by value; larger ones by so many marks first.
_SMALL = 8_192
_CELLS = 1_024
_LOG10 = np.log(10)
# What tests of many windows give as arrays.
NUMBERS = ("statistic", "p_value", "log10_p", "effect_size")


@dataclass(frozen=True)
class TwoSampleResult:
    """A test of one column.

    `effect_size` is the KS distance or the total variation (`drift.statistics.effects.moved_share`), 0 to 1 and free of
    sample size; `location` is the value where the KS distance occurs; `log10_p` stays finite where `p_value`
    underflows.
    """

    test: Test
    statistic: float
    p_value: float
    log10_p: float
    effect_size: float
    df: int = 0
    location: float = float("nan")


def ks_test(reference: np.ndarray, current: np.ndarray, method: Literal["auto", "exact"] = "auto") -> TwoSampleResult:
    """Test whether two numeric samples come from one distribution (two-sided [1]_).

    Parameters
    ----------
    reference, current : float arrays, shapes (n_reference,) and (n_current,)
        Values without NaN; the caller counts missing values. Infinities are values.
    method : "auto" or "exact"
        "auto" is exact where the smaller sample has fewer than 50 values, and asymptotic otherwise.

    Raises
    ------
    ValueError
        If a sample is empty or holds NaN.

    References
    ----------
    .. [1] Hodges (1958), "The significance probability of the Smirnov two-sample test".

    Examples
    --------
    >>> ks_test(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])).effect_size
    0.5
    """
    reference, current = np.asarray(reference, float), np.asarray(current, float)
    for name, sample in {"reference": reference, "current": current}.items():
        # NaN <= alpha is False: with one NaN the badge would stay green for ever.
        if sample.size == 0 or np.isnan(sample).any():
            raise ValueError(f"{name} must hold at least one value and no NaN; got {sample!r}.")
    d, location, _ = ks_statistic(np.sort(reference), np.sort(current))
    if method == "exact":
        log_p = log_exact_p(d, reference.size, current.size)
        return TwoSampleResult("ks", d, float(np.exp(log_p)), log_p / _LOG10, d, location=location)
    p_value, log10_p = ks_p_values(d, reference.size, current.size)
    return TwoSampleResult("ks", d, float(p_value), float(log10_p), d, location=location)


def ks_statistic(reference_sorted: np.ndarray, current_sorted: np.ndarray) -> tuple[float, float, int]:
    """Return the largest distance between two empirical distribution functions, where it occurs, and its sign.

    A first look at marks all over the reference bounds the distance between the marks; only the current values
    that can hold the maximum are then compared one by one.

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, ascending, without NaN, not empty

    Returns
    -------
    d : float
        Between 0 and 1.
    location : float
        A value x at which the shares of rows <= x differ by d.
    sign : int
        1 where the reference has the larger share of rows <= location, else -1.

    Examples
    --------
    >>> ks_statistic(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    (0.5, 2.0, 1)
    """
    a, b = reference_sorted, current_sorted
    rows = _rows_that_matter(a, b) if min(a.size, b.size) > _SMALL else np.arange(b.size)
    values = b[rows]
    above = np.searchsorted(a, values, side="right")
    below = above.copy()
    tied = np.flatnonzero((above > 0) & (a[np.maximum(above, 1) - 1] == values))
    below[tied] = np.searchsorted(a, values[tied], side="left")
    # Just at a current value the current share has risen; just below it the reference's lead is largest.
    current_leads = (rows + 1) / b.size - above / a.size
    reference_leads = below / a.size - rows / b.size
    most, least = int(np.argmax(current_leads)), int(np.argmax(reference_leads))
    if current_leads[most] >= reference_leads[least]:
        return float(current_leads[most]), float(values[most]), -1
    return float(reference_leads[least]), float(a[below[least] - 1]), 1


def _rows_that_matter(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the positions in b beside which the distance to a can be largest."""
    marks, n_hit = np.unique(a[np.linspace(0, a.size - 1, _CELLS).astype(np.int64)], return_counts=True)
    # A frequent value has a cell of its own, within which nothing is hidden.
    marks = np.unique(np.concatenate([marks, np.nextafter(marks[n_hit > 1], -np.inf)]))
    up_to = np.searchsorted(b, marks, side="right")
    share_a, share_b = np.searchsorted(a, marks, side="right") / a.size, up_to / b.size
    share_a, share_b = np.concatenate([[0.0], share_a, [1.0]]), np.concatenate([[0.0], share_b, [1.0]])
    reached = np.abs(share_a - share_b).max()
    within = np.maximum(share_a[1:] - share_b[:-1], share_b[1:] - share_a[:-1])
    is_open = np.concatenate([[True], np.nextafter(marks[:-1], np.inf) < marks[1:], [True]])
    candidates = np.repeat(is_open & (within >= reached), np.diff(np.concatenate([[0], up_to, [b.size]])))
    # The distance at a mark itself is seen from the current values next to it.
    candidates[np.clip(up_to - 1, 0, b.size - 1)] = True
    candidates[np.clip(up_to, 0, b.size - 1)] = True
    return np.flatnonzero(candidates)


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
    """Chi-squared tests of many windows, arrays of shape (n_windows,); `df` is 0 where all categories are too rare."""

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
    reference_counts : int array, shape (n_categories,), none zero
    counts : int array, shape (n_windows, n_categories), no window empty

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


def benjamini_hochberg(p_values: ArrayLike) -> np.ndarray:
    """Return p-values adjusted for the false discovery rate over all of them (Benjamini and Hochberg 1995).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    p = np.asarray(p_values, float)
    if np.isnan(p).any():
        raise ValueError(f"p_values must be numbers; got {p}.")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def adjusted_by_window(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values for each window over the columns that have one (Benjamini and Hochberg 1995).

    Parameters
    ----------
    p_values : shape (n_columns, n_windows)
        NaN where a column has none.

    Examples
    --------
    >>> adjusted_by_window(np.array([[0.01, 0.2], [0.04, np.nan], [0.03, 0.01]]))
    array([[0.03, 0.2 ],
           [0.04,  nan],
           [0.04, 0.02]])
    """
    n_tested = (~np.isnan(p_values)).sum(axis=0)
    order = np.argsort(p_values, axis=0, kind="stable")  # NaN comes last
    rank = np.arange(1, len(p_values) + 1)[:, None]
    scaled = np.take_along_axis(p_values, order, axis=0) * n_tested / rank
    least = np.fmin.accumulate(scaled[::-1], axis=0)[::-1]
    adjusted = np.empty(p_values.shape)
    np.put_along_axis(adjusted, order, np.minimum(least, 1.0), axis=0)
    return np.where(np.isnan(p_values), np.nan, adjusted)

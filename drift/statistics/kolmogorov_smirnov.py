"""The Kolmogorov-Smirnov test: how far the distribution functions of two numeric samples are apart, and by chance."""

from typing import Literal

import numpy as np

from drift.statistics.ks_p_values import ks_p_values, log_exact_p
from drift.statistics.two_sample import TwoSampleResult

# Samples up to this size are compared value by value; larger ones by so many marks first.
_SMALL = 8_192
_CELLS = 1_024


def ks_test(reference: np.ndarray, current: np.ndarray, method: Literal["auto", "exact"] = "auto") -> TwoSampleResult:
    """Test whether two numeric samples come from one distribution (two-sided [1]_).

    Parameters
    ----------
    reference, current : float arrays, shapes (n_reference,) and (n_current,)
        Values without NaN; the caller counts missing values. Infinities are values.
    method : "auto" or "exact"
        "auto" is exact where the smaller sample has fewer than 50 values, and asymptotic otherwise.

    Returns
    -------
    TwoSampleResult
        `statistic` and `effect_size` are the KS distance, 0 to 1.

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
        return TwoSampleResult("ks", d, float(np.exp(log_p)), log_p / np.log(10), d, location=location)
    p_value, log10_p = ks_p_values(d, reference.size, current.size)
    return TwoSampleResult("ks", d, float(p_value), float(log10_p), d, location=location)


def ks_statistic(reference_sorted: np.ndarray, current_sorted: np.ndarray) -> tuple[float, float, int]:
    """Return the largest distance between two empirical distribution functions, where it occurs, and its sign.

    A first look at marks all over the reference bounds the distance between the marks; only the current values
    that can hold the maximum are then compared one by one.

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, shapes (n_reference,) and (n_current,)
        Ascending, without NaN, not empty.

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

"""Which columns must be read value by value, because the bound on their distance leaves the verdict open."""

from collections.abc import Mapping

import numpy as np

from drift.columns.windows import Compared
from drift.data.policy import DriftPolicy
from drift.statistics.adjustment import adjusted_by_window
from drift.statistics.ks_p_values import ks_p_values

# A p-value this far above alpha stays above it whatever the terms are that the first look leaves out.
_FAR = 4.0


def open_columns(compared: Mapping[str, Compared], policy: DriftPolicy) -> list[tuple[str, int]]:
    """Return the columns and windows of which the verdict depends on where in its bound the distance lies."""
    names = list(compared)
    lower, bound, n, m, p_value, effect = (
        np.array([column.numbers[name] for column in compared.values()])
        for name in ("statistic", "bound", "n_values", "n_values_reference", "p_value", "effect_size")
    )
    is_tested = ~np.isnan(effect)
    is_ks = np.array([[test == "ks" for test in column.tests] for column in compared.values()])
    is_bounded = is_ks & (bound > 0)
    if not is_bounded.any():
        return []
    upper = np.minimum(lower + bound, 1.0)
    still_open = is_bounded & (lower < policy.min_effect) & (policy.min_effect <= upper)
    # Twice the leading term bounds a p-value from above (Massart 1990).
    rate = np.divide(-2 * n * m, n + m, out=np.zeros(n.shape), where=is_ks)
    with np.errstate(invalid="ignore"):
        highest, lowest = (2 * np.exp(rate * distance**2) for distance in (lower, upper))
    is_sure = is_ks & (highest * is_tested.sum(axis=0) <= policy.alpha)
    doubtful = is_bounded & ~is_sure & (lowest < _FAR * policy.alpha)
    if doubtful.any():
        # Whatever is surely significant, or surely not, counts as such in the adjustment of the others.
        known = np.where(is_ks, np.where(is_sure, 0.0, 1.0), p_value)
        significant = []
        for distance in (lower, upper):
            p_values = known.copy()
            p_values[doubtful] = ks_p_values(distance[doubtful], m[doubtful], n[doubtful])[0]
            significant.append(adjusted_by_window(np.where(is_tested, p_values, np.nan)) <= policy.alpha)
        # A larger distance of any column lowers the adjusted p-values of all: the ends hold what lies between them.
        still_open |= doubtful & (significant[0] != significant[1])
    still_open &= is_bounded
    return [(names[row], window) for row, window in np.argwhere(still_open).tolist()]

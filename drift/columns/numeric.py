"""Numbers of a window against those of a reference: by their KS distance, or as categories where they are few."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from drift.columns.categorical import counted_values, most_frequent
from drift.columns.values import Table, Values, too_few
from drift.data.policy import DriftPolicy
from drift.data.samples import NumericReference
from drift.statistics.effects import shares_at
from drift.statistics.grid import slack_of
from drift.statistics.kolmogorov_smirnov import ks_statistic
from drift.statistics.stability import quantile_bin_counts
from drift.statistics.two_sample import TwoSampleResult

_PENDING = float("nan")


def numeric_values(reference: NumericReference, ordered: np.ndarray, policy: DriftPolicy) -> Values:
    """Compare sorted numbers: by KS, or as categories where the reference has few different values.

    Parameters
    ----------
    reference : NumericReference
    ordered : float array, shape (n_values,)
        The values of the window, ascending, without NaN.

    Returns
    -------
    Values
        With `result` None where a sample holds too few values. The p-value of a KS test is still NaN.
    """
    if said := too_few(reference.ordered.size, ordered.size, policy, max(reference.distinct.size - 1, 0)):
        return Values(result=None, note=said)
    if reference.distinct.size:
        return _few_distinct(reference, ordered)
    finite = reference.finite
    out_of_range_share = _outside(ordered, finite[0], finite[-1]) if finite.size else 1.0
    d, location, _ = ks_statistic(reference.ordered, ordered)
    unseen: tuple[tuple[str, int], ...] = ()
    if finite.size == reference.ordered.size:  # an infinity would be as new as an unseen category
        infinite = [np.count_nonzero(ordered == np.inf), np.count_nonzero(ordered == -np.inf)]
        unseen = most_frequent(("inf", "-inf"), np.array(infinite))
    return Values(
        result=TwoSampleResult("ks", d, _PENDING, _PENDING, d, location=location),
        shares=shares_at(reference.ordered, ordered, location),
        table=Table(*quantile_bin_counts(reference.ordered, ordered)),
        unseen=unseen,
        n_unseen=sum(count for _, count in unseen),
        out_of_range_share=out_of_range_share,
    )


def _few_distinct(reference: NumericReference, ordered: np.ndarray) -> Values:
    """Compare numbers of few different values as categories, by the values of the reference."""
    known, slack = reference.distinct, slack_of(reference.distinct)
    first = np.searchsorted(ordered, known - slack, side="left")
    stop = np.searchsorted(ordered, known + slack, side="right")
    seen = np.zeros(ordered.size, bool)
    for start, end in zip(first, stop, strict=True):
        seen[start:end] = True
    new, n_new = np.unique(ordered[~seen], return_counts=True)
    found = known_values(reference, stop - first, new, n_new)
    finite = np.isfinite(known)
    lowest, highest = (known - slack)[finite], (known + slack)[finite]
    return replace(found, out_of_range_share=_outside(ordered, lowest[0], highest[-1]) if lowest.size else 1.0)


def known_values(
    reference: NumericReference, counts: np.ndarray, new: Sequence[float] | np.ndarray = (), n_new: ArrayLike = ()
) -> Values:
    """Compare counts of the reference's few different values, and of new ones, as categories.

    Parameters
    ----------
    reference : NumericReference
        Of at most `drift.data.samples.MAX_DISTINCT` different values.
    counts : int array, shape (n_distinct,)
        Rows that hold each of them.
    new, n_new : floats and counts, shape (n_new,)
        Values that the reference does not hold, and their rows.

    Returns
    -------
    Values
        Infinities that the reference holds too count as out of range.
    """
    n_new = np.asarray(n_new, np.int64)
    names = [f"{value:.6g}" for value in [*reference.distinct, *new]]
    found = counted_values(names, np.append(reference.counts, 0 * n_new), np.append(counts, n_new))
    n_infinite = int(counts[~np.isfinite(reference.distinct)].sum())
    return replace(found, out_of_range_share=n_infinite / int(counts.sum()) if n_infinite else 0.0)


def _outside(ordered: np.ndarray, lowest: float, highest: float) -> float:
    """Return the share of values below the lowest or above the highest."""
    inside = np.searchsorted(ordered, highest, side="right") - np.searchsorted(ordered, lowest, side="left")
    return (ordered.size - int(inside)) / ordered.size

"""What the test of a column's values found in one window, and how people are told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift import wording
from drift.data.policy import DriftPolicy
from drift.statistics.effects import Mover, Rate, changed_rate, movers
from drift.statistics.stability import stability_index
from drift.statistics.two_sample import TwoSampleResult

# From so much moved traffic on, points say more than the rate of a single rare category.
POINTS_TELL = 0.1
_PENDING = float("nan")


@dataclass(frozen=True, eq=False)
class Table:
    """Both samples counted in the same categories, or in ten bins at the reference's quantiles.

    Parameters
    ----------
    reference_counts, counts : int arrays, shape (n_categories,)

    Attributes
    ----------
    reference_counts, counts : int arrays, shape (n_categories,)
        Rows of the reference and of the window.
    names : sequence of str, n_categories long
        Empty for bins.
    """

    reference_counts: np.ndarray
    counts: np.ndarray
    names: Sequence[str] = ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Table)
            and list(self.names) == list(other.names)
            and np.array_equal(self.reference_counts, other.reference_counts)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    @property
    def stability(self) -> float:
        """The population stability index, less what chance adds to it."""
        return stability_index(self.reference_counts, self.counts)

    @property
    def movers(self) -> tuple[Mover, ...]:
        """The categories that moved beyond their noise, the largest first."""
        return movers(self.names, self.reference_counts, self.counts)

    @property
    def rate(self) -> Rate | None:
        """The rare category whose rate changed most; None for bins of numbers, and where none did."""
        return changed_rate(self.names, self.reference_counts, self.counts) if self.names else None


@dataclass(frozen=True, kw_only=True)
class Values:
    """What the test of the values found.

    The p-value of a KS test is still NaN: those of all columns are computed together. `result` is None where there
    was too little to test; `note` says so, or what became of a constant. `shares` are those of both samples up to the
    place where a KS test finds them furthest apart; a distance from counts may be larger by at most `statistic_bound`.
    """

    result: TwoSampleResult | None
    note: str = ""
    shares: tuple[float, float] = (_PENDING, _PENDING)
    table: Table | None = None
    unseen: tuple[tuple[str, int], ...] = ()
    n_unseen: int = 0
    n_singletons: int = 0
    out_of_range_share: float = 0.0
    statistic_bound: float = 0.0

    @property
    def said(self) -> str:
        """What moved, or why nothing was tested."""
        if self.note or self.result is None:
            return self.note
        return what_moved(self.result.location, self.shares, self.table, self.result.effect_size)


def what_moved(location: float, shares: tuple[float, float], table: Table | None, effect_size: float) -> str:
    """Say where two distribution functions are furthest apart, or which categories moved.

    Parameters
    ----------
    location : float
        Where a KS distance occurs; NaN for categories.
    shares : two floats
        Of the reference's and of the window's values up to there.
    table : Table or None
        The counts of categories, from which those that moved are named.
    effect_size : float
        Total variation, 0 to 1.

    Returns
    -------
    str
        A clause without a full stop.
    """
    if location == location:
        return wording.ks_moved(location, *shares)
    if table and effect_size < POINTS_TELL and (rate := table.rate):
        return wording.rate_changed(rate)
    return wording.categories_moved(table.movers if table else (), effect_size)


def too_few(n_reference: int, n: int, policy: DriftPolicy, df: int) -> str:
    """Say that there are too few values to be compared; nothing where there are enough."""
    if n_reference == 0:
        return "The reference holds no value of this column: freeze a newer reference."
    if n < policy.min_sample:
        return wording.too_few(n, policy.min_sample, n_reference, policy.alpha, df)
    if n_reference < policy.min_sample:
        return f"The reference holds {n_reference:,} of {policy.min_sample:,} values: freeze a larger one."
    return ""

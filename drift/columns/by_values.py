"""One column of a window against its reference: which test, and everything it needs except many columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from drift import wording
from drift.data.policy import DriftPolicy
from drift.data.samples import (
    CategoricalReference,
    CategoricalSample,
    NumericReference,
    NumericSample,
    Reference,
    Sample,
    in_order,
)
from drift.data.windows import Column
from drift.statistics.effects import Mover, Rate, changed_rate, movers, quantile_bin_counts, shares_at, stability_index
from drift.statistics.grid import slack_of
from drift.statistics.rare import missing_share_test, unseen_p_value
from drift.statistics.two_sample import TwoSampleResult, chi_squared_test, ks_statistic

_UNSEEN_NAMED = 5
_PENDING = float("nan")


@dataclass(frozen=True, eq=False)
class Table:
    """Both samples counted in the same categories, or without names in ten bins at the reference's quantiles.

    Parameters
    ----------
    reference_counts, counts : int arrays, shape (n_categories,)
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


# From so much moved traffic on, points say more than the rate of a single rare category.
POINTS_TELL = 0.1


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
    location : where a KS distance occurs, NaN for categories
    shares : of the reference's and of the window's values up to there
    """
    if location == location:
        return wording.ks_moved(location, *shares)
    if table and effect_size < POINTS_TELL and (rate := table.rate):
        return wording.rate_changed(rate)
    return wording.categories_moved(table.movers if table else (), effect_size)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One column compared: sizes with and without missing values, missing share, unseen values, values."""

    n: int
    n_reference: int
    n_values: int
    n_values_reference: int
    missing_p_value: float
    unseen_p_value: float
    values: Values


Found = Comparison | Exception


def compare_each(
    columns: Sequence[Column],
    references: Mapping[str, Reference],
    samples: Mapping[str, Sample | Exception],
    policy: DriftPolicy,
) -> dict[str, Found]:
    """Compare every column with its reference; in place of one that cannot be computed stands the exception."""
    found: dict[str, Found] = {}
    for column in columns:
        try:
            found[column.name] = compare(references.get(column.name), samples.get(column.name), policy)
        except Exception as error:  # whatever it is, the other columns are still of use
            found[column.name] = error
    return found


def compare(reference: Reference | None, sample: Sample | Exception | None, policy: DriftPolicy) -> Comparison:
    """Compare one column with its reference.

    Raises
    ------
    ValueError
        If there is no sample, no reference, or they are of different kinds.
    Exception
        The one that stands in place of the sample.
    """
    if isinstance(sample, Exception):
        raise sample
    if isinstance(reference, NumericReference) and isinstance(sample, NumericSample):
        ordered, n_missing = in_order(sample)
        values = numeric_values(reference, ordered, policy)
    elif isinstance(reference, CategoricalReference) and isinstance(sample, CategoricalSample):
        counts = sample.counts()
        n_missing = len(sample) - int(counts.sum())
        values = categorical_values(reference, counts, sample.categories, policy)
    else:
        kinds = [type(part).__name__ if part is not None else "nothing" for part in (reference, sample)]
        raise ValueError(f"the reference must hold what the window holds; got {kinds[0]} and {kinds[1]}.")
    return comparison(reference, len(sample), n_missing, values, policy)


def comparison(reference: Reference, n: int, n_missing: int, values: Values, policy: DriftPolicy) -> Comparison:
    """Complete what the test of the values found by the tests of missing and of unseen values."""
    n_reference, n_values = reference.n, n - n_missing
    n_values_reference = n_reference - reference.n_missing
    enough = min(n, n_reference) >= policy.min_sample and n_values_reference > 0
    missing_p = missing_share_test(n_reference, reference.n_missing, n, n_missing) if enough else 1.0
    unseen_p = 1.0
    if enough and values.n_unseen:
        unseen_p, _ = unseen_p_value(n_values_reference, n_values, values.n_unseen, values.n_singletons)
    return Comparison(
        n=n,
        n_reference=n_reference,
        n_values=n_values,
        n_values_reference=n_values_reference,
        missing_p_value=missing_p,
        unseen_p_value=unseen_p,
        values=values,
    )


def numeric_values(reference: NumericReference, ordered: np.ndarray, policy: DriftPolicy) -> Values:
    """Compare sorted numbers: by KS, or as categories where the reference has few different values."""
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
        unseen = _most_frequent(("inf", "-inf"), np.array(infinite))
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
    """Compare counts of the reference's few different values, and of new ones, as categories."""
    n_new = np.asarray(n_new, np.int64)
    names = [f"{value:.6g}" for value in [*reference.distinct, *new]]
    found = _categories(names, np.append(reference.counts, 0 * n_new), np.append(counts, n_new))
    n_infinite = int(counts[~np.isfinite(reference.distinct)].sum())
    return replace(found, out_of_range_share=n_infinite / int(counts.sum()) if n_infinite else 0.0)


def _outside(ordered: np.ndarray, lowest: float, highest: float) -> float:
    """Return the share of values below the lowest or above the highest."""
    inside = np.searchsorted(ordered, highest, side="right") - np.searchsorted(ordered, lowest, side="left")
    return (ordered.size - int(inside)) / ordered.size


def categorical_values(
    reference: CategoricalReference, counts: np.ndarray, categories: tuple[str, ...], policy: DriftPolicy
) -> Values:
    """Compare counts of categories, by the codes that reference and window share; those of an id tell nothing."""
    if reference.is_id:
        return Values(result=None, note=wording.is_id(reference.new_within))
    if said := too_few(int(reference.counts.sum()), int(counts.sum()), policy, max(reference.n_distinct - 1, 1)):
        return Values(result=None, note=said)
    names = max(categories, reference.categories, key=len)
    table = np.zeros((2, len(names)), np.int64)
    table[0, : reference.counts.size] = reference.counts
    table[1, : counts.size] = counts
    present = np.flatnonzero(table.any(axis=0))
    return _categories([names[k] for k in present], *table[:, present])


def _categories(names: list[str], reference_counts: np.ndarray, counts: np.ndarray) -> Values:
    """Test the counts of categories, none empty in both; constants have their own test."""
    n_reference, n = int(reference_counts.sum()), int(counts.sum())
    result: TwoSampleResult | None
    note = ""
    unseen = _most_frequent(names, np.where(reference_counts == 0, counts, 0))
    n_unseen = sum(count for _, count in unseen)
    if len(names) == 1:
        result, note = TwoSampleResult("constant", 0.0, 1.0, 0.0, 0.0), f"always {wording.short(names[0])}, as before"
    elif len(names) == 2 and n_unseen == n:
        # One value throughout the reference, another one throughout the window.
        result = TwoSampleResult("constant", 1.0, *unseen_p_value(n_reference, n, n), 1.0)
        note = f"constant changed {wording.short(names[reference_counts.argmax()])} -> {wording.short(unseen[0][0])}"
    else:
        tested = chi_squared_test(reference_counts, counts)
        result = tested if tested.df else None
        note = "" if result else f"All {len(names):,} values are too rare to be compared"
    return Values(
        result=result,
        note=note,
        table=Table(reference_counts, counts, names),
        unseen=unseen[:_UNSEEN_NAMED],
        n_unseen=n_unseen,
        n_singletons=int((reference_counts == 1).sum()),
    )


def _most_frequent(names: Sequence[str], counts: np.ndarray) -> tuple[tuple[str, int], ...]:
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    return tuple((names[k], int(counts[k])) for k in order)


def too_few(n_reference: int, n: int, policy: DriftPolicy, df: int) -> str:
    """Say that there are too few values to be compared; nothing where there are enough."""
    if n_reference == 0:
        return "The reference holds no value of this column: freeze a newer reference."
    if n < policy.min_sample:
        return wording.too_few(n, policy.min_sample, n_reference, policy.alpha, df)
    if n_reference < policy.min_sample:
        return f"The reference holds {n_reference:,} of {policy.min_sample:,} values: freeze a larger one."
    return ""

"""Categories of a window against those of a reference: by a chi-squared test, or as constants."""

from collections.abc import Sequence

import numpy as np

from drift import wording
from drift.columns.values import Table, Values, too_few
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalReference
from drift.statistics.chi_squared import chi_squared_test
from drift.statistics.rare import unseen_p_value
from drift.statistics.two_sample import TwoSampleResult

_UNSEEN_NAMED = 5


def categorical_values(
    reference: CategoricalReference, counts: np.ndarray, categories: tuple[str, ...], policy: DriftPolicy
) -> Values:
    """Compare counts of categories, by the codes that reference and window share.

    Parameters
    ----------
    reference : CategoricalReference
    counts : int array, shape (n_categories,)
        Rows of the window by code; the reference may know fewer or more codes.
    categories : names of the codes

    Returns
    -------
    Values
        With `result` None where a sample holds too few values, or all categories are too rare to be tested.
    """
    if reference.is_id:
        return Values(result=None, note=wording.is_id(reference.new_within))
    if said := too_few(int(reference.counts.sum()), int(counts.sum()), policy, max(reference.n_distinct - 1, 1)):
        return Values(result=None, note=said)
    names = max(categories, reference.categories, key=len)
    table = np.zeros((2, len(names)), np.int64)
    table[0, : reference.counts.size] = reference.counts
    table[1, : counts.size] = counts
    present = np.flatnonzero(table.any(axis=0))
    return counted_values([names[k] for k in present], *table[:, present])


def counted_values(names: list[str], reference_counts: np.ndarray, counts: np.ndarray) -> Values:
    """Test the counts of categories, none empty in both; constants have their own test.

    Parameters
    ----------
    names : list of str, n_categories long
    reference_counts, counts : int arrays, shape (n_categories,)
        Rows of each category, none empty in both samples.

    Returns
    -------
    Values
        With `result` None where all categories are too rare to be tested.
    """
    n_reference, n = int(reference_counts.sum()), int(counts.sum())
    result: TwoSampleResult | None
    note = ""
    unseen = most_frequent(names, np.where(reference_counts == 0, counts, 0))
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


def most_frequent(names: Sequence[str], counts: np.ndarray) -> tuple[tuple[str, int], ...]:
    """Return the names of which there are rows, the most frequent first, each with its rows.

    Parameters
    ----------
    names : sequence of str, n_names long
    counts : int array, shape (n_names,)

    Returns
    -------
    tuple of (str, int)
        As long as there are counts above 0; equally frequent ones in the order given.
    """
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    return tuple((names[k], int(counts[k])) for k in order)

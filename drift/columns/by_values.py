"""One column of a window against its reference, value by value: everything it needs except many columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drift.columns.categorical import categorical_values
from drift.columns.numeric import numeric_values
from drift.columns.values import Values
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
from drift.statistics.rare import missing_share_test, unseen_p_value


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
    """Compare every column with its reference; in place of one that cannot be computed stands the exception.

    Parameters
    ----------
    references, samples : by name of a column
        In place of a sample that cannot be read stands the exception. A column that one of them lacks cannot be
        compared.

    Returns
    -------
    dict of Comparison or Exception
        By name, every column once.
    """
    found: dict[str, Found] = {}
    for column in columns:
        try:
            found[column.name] = compare(references.get(column.name), samples.get(column.name), policy)
        except Exception as error:  # whatever it is, the other columns are still of use
            found[column.name] = error
    return found


def compare(reference: Reference | None, sample: Sample | Exception | None, policy: DriftPolicy) -> Comparison:
    """Compare one column with its reference.

    Parameters
    ----------
    reference : Reference or None
        None where the reference does not hold the column.
    sample : Sample, Exception or None
        Of the same kind as the reference; categorical ones share the codes of the shorter list of categories.

    Returns
    -------
    Comparison
        The p-value of a KS test in it is still NaN: those of all columns are computed together.

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
    """Complete what the test of the values found by the tests of missing and of unseen values.

    Parameters
    ----------
    reference : Reference
    n, n_missing : int
        Rows of the window, and how many of them hold no value.
    values : Values
        What the test of the values found.

    Returns
    -------
    Comparison
        With a p-value of 1 for missing and for unseen values where there are too few rows to test them.
    """
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

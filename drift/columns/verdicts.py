"""Every column of many windows against its reference: p-values of all together, a report each, the worst first."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from drift.columns.report import NAN, ColumnReport
from drift.columns.windows import Compared
from drift.data.policy import WORST_FIRST, DriftPolicy, Verdict
from drift.data.windows import Column
from drift.life.latch import NOWHERE, Standing, Verdicts, settle
from drift.statistics.adjustment import adjusted_by_window
from drift.statistics.ks_p_values import ks_p_values
from drift.statistics.two_sample import Test

_RANK = {verdict: rank for rank, verdict in enumerate(WORST_FIRST)}
_EFFECTS = ("effect_size", "missing_change", "unseen_share")
_ADJUSTED = ("adjusted_p_value", "adjusted_missing_p", "adjusted_unseen_p")
# The numbers of a report that are computed for all windows together, in the order of its fields.
_NUMBERS = ColumnReport._fields[ColumnReport._fields.index("n") : ColumnReport._fields.index("value_verdict")]

Reports = tuple[ColumnReport, ...]
# By column; None where one look alone decides.
Standings = Mapping[str, Standing] | None


def report_windows(
    columns: Sequence[Column],
    compared: Mapping[str, Compared],
    policy: DriftPolicy,
    standings: Sequence[Standings] | None = None,
) -> list[Reports]:
    """Report every column of many windows, the worst first; the p-values of all tests are computed together.

    Parameters
    ----------
    columns : the columns to report, in the order that breaks ties
    compared : by column; one that could not be computed gets the verdict `error` and leaves its neighbours alone
    standings : where each column stands at the end of each window, or None in place of it
        With it, alarms decide the verdicts; without, the adjusted p-values of this one look do.

    Examples
    --------
    >>> from drift.columns.by_values import compare
    >>> from drift.data.samples import CategoricalSample, reference_from
    >>> def colours(n_red, n_blue):
    ...     return CategoricalSample(np.repeat([0, 1], [n_red, n_blue]), ("red", "blue"))
    >>> policy, column = DriftPolicy(), Column("colour", "categorical")
    >>> found = compare(reference_from(colours(500, 500)), colours(80, 20), policy)
    >>> report_windows([column], {"colour": Compared.of([found])}, policy)[0][0].reason
    "30.0 points of traffic moved ('red' +30.0, 'blue' -30.0), adjusted p 1.0e-08."
    """
    if not columns:
        return []
    in_order = [compared[column.name] for column in columns]
    standings = standings or [None] * len(in_order[0])
    numbers = _with_p_values(in_order)
    by_column = [
        _of_column(column, found, {name: numbers[name][row] for name in numbers}, policy, standings)
        for row, (column, found) in enumerate(zip(columns, in_order, strict=True))
    ]
    # An effect of the larger kind is an effect of the column, whatever it is that moved.
    largest = np.nanmax([*(numbers[name] for name in _EFFECTS), np.zeros(numbers["n"].shape)], axis=0)
    windows = []
    for reports, effects in zip(zip(*by_column, strict=True), largest.T.tolist(), strict=True):
        ranked = [(_RANK[report.verdict], -effect) for report, effect in zip(reports, effects, strict=True)]
        windows.append(tuple(reports[k] for k in sorted(range(len(ranked)), key=ranked.__getitem__)))
    return windows


def _of_column(
    column: Column,
    found: Compared,
    numbers: Mapping[str, np.ndarray],
    policy: DriftPolicy,
    standings: Sequence[Standings],
) -> list[ColumnReport]:
    """Report one column of every window."""
    known = zip(*(_listed(numbers[name]) for name in _NUMBERS), strict=True)
    effects = zip(*(numbers[name].tolist() for name in _EFFECTS), strict=True)
    adjusted = zip(*(numbers[name].tolist() for name in _ADJUSTED), strict=True)
    told = zip(found.tests, found.unseen, found.notes, found.tables, strict=True)
    reports = []
    for window, (values, moved, p_values, words) in enumerate(zip(known, effects, adjusted, told, strict=True)):
        by_name = standings[window]
        standing = None if by_name is None else by_name.get(column.name, NOWHERE)
        if window in found.failed:
            reports.append(_failed(column, found.failed[window], standing))
            continue
        test, unseen, note, table = words
        if standing is None:
            verdicts = _at_one_look(test, p_values, moved, policy)
        else:
            size = moved[0]
            # Points of traffic cannot show what a rare class of an output came to.
            if column.role == "prediction" and standing.alarm and test == "chi2" and table and table.rate:
                size = max(size, policy.min_effect)
            sizes = (None if test == "none" else size, *moved[1:])
            verdicts = settle(values[0], values[1], sizes, standing, policy)
        numbered = (column.name, column.kind, column.role, test, *values)
        judged = (*verdicts, _worst(verdicts), unseen, note, table, standing, policy)
        reports.append(ColumnReport._make(numbered + judged))
    return reports


def _listed(numbers: np.ndarray) -> list[Any]:
    """Return numbers as Python has them; every NaN is the same one, so that equal reports are equal."""
    listed: list[Any] = numbers.tolist()
    return [NAN if number != number else number for number in listed] if np.isnan(numbers).any() else listed


@cache
def _worst(verdicts: Verdicts) -> Verdict:
    return min(verdicts, key=_RANK.__getitem__)


def _with_p_values(compared: Sequence[Compared]) -> dict[str, np.ndarray]:
    """Return the numbers of reports by name, shape (n_columns, n_windows): p-values completed and adjusted."""
    found = {name: np.array([column.numbers[name] for column in compared]) for name in compared[0].numbers}
    n, n_values, n_reference, n_values_reference = (
        found[name] for name in ("n", "n_values", "n_reference", "n_values_reference")
    )
    pending = np.array([[test == "ks" for test in column.tests] for column in compared])
    if pending.any():
        distances = found["statistic"][pending]
        p_values = ks_p_values(distances, n_values_reference[pending], n_values[pending])
        found["p_value"][pending], found["log10_p"][pending] = p_values
    with np.errstate(invalid="ignore"):
        missing_share, reference_missing = (n - n_values) / n, (n_reference - n_values_reference) / n_reference
        unseen_share = np.divide(found["n_unseen"], n_values, out=np.zeros(n.shape), where=n_values > 0)
    return {
        "n": n.astype(np.int64),
        "n_reference": n_reference.astype(np.int64),
        "statistic": found["statistic"],
        "statistic_bound": found["bound"],
        "p_value": found["p_value"],
        "log10_p": found["log10_p"],
        "adjusted_p_value": adjusted_by_window(found["p_value"]),
        "effect_size": found["effect_size"],
        "location": found["location"],
        "reference_share_there": found["reference_share"],
        "share_there": found["share"],
        "missing_share": missing_share,
        "reference_missing_share": reference_missing,
        "missing_change": np.abs(missing_share - reference_missing),
        "missing_p_value": found["missing_p"],
        "adjusted_missing_p": adjusted_by_window(found["missing_p"]),
        "unseen_share": unseen_share,
        "unseen_p_value": found["unseen_p"],
        "adjusted_unseen_p": adjusted_by_window(found["unseen_p"]),
        "out_of_range_share": found["out_of_range"],
    }


def _failed(column: Column, error: Exception, standing: Standing | None) -> ColumnReport:
    note = f"Could not be computed: {error or type(error).__name__}"
    return ColumnReport(column.name, column.kind, column.role, note=note, standing=standing)


def _at_one_look(test: Test, adjusted: tuple[float, ...], effects: tuple[float, ...], policy: DriftPolicy) -> Verdicts:
    """Return the verdicts that the adjusted p-values of a single look lead to."""
    value = policy.verdict(adjusted[0], effects[0]) if test != "none" else "insufficient"
    missing = policy.verdict(adjusted[1], effects[1]) if adjusted[1] <= policy.alpha else "stable"
    return value, missing, policy.verdict(adjusted[2], effects[2])

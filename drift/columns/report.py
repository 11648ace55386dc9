"""Every column of a window against its reference: one report each, the worst first."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from drift import wording
from drift.columns.by_values import POINTS_TELL, Table, what_moved
from drift.columns.windows import Compared
from drift.data.policy import DEFAULT_POLICY, WORST_FIRST, DriftPolicy, Verdict
from drift.data.windows import Column, Kind, Role
from drift.life.latch import NOWHERE, Standing, Verdicts, settle
from drift.life.ledger import AlarmRecord
from drift.statistics.effects import Mover, Rate
from drift.statistics.ks_p_values import ks_p_values
from drift.statistics.two_sample import Test, adjusted_by_window

_NAN = float("nan")
_RANK = {verdict: rank for rank, verdict in enumerate(WORST_FIRST)}


class ColumnReport(NamedTuple):
    """One column of one window: plain data, and what it says in words once somebody asks.

    `n` and `n_reference` count rows, missing values included. Numbers that could not be computed are NaN, and the
    verdict says so: `insufficient` or `error`. `adjusted_p_value` is over all columns of the window. The verdict is
    the worst of three: of the values, of the missing share and of values that the reference has never seen.
    `statistic` is exact where `statistic_bound` is 0; else the true one is at most that much larger. Up to `location`,
    where a KS test finds the samples furthest apart, lie `reference_share_there` and `share_there` of their values.

    A timeline holds 1,600 of these. A frozen dataclass of as many fields takes 60 times as long to build, which was a
    third of the timeline; and tuples take the NaN of all reports for equal to itself.
    """

    column: str
    kind: Kind
    role: Role
    test: Test = "none"
    n: int = 0
    n_reference: int = 0
    statistic: float = _NAN
    statistic_bound: float = 0.0
    p_value: float = _NAN
    log10_p: float = _NAN
    adjusted_p_value: float = _NAN
    effect_size: float = _NAN
    location: float = _NAN
    reference_share_there: float = _NAN
    share_there: float = _NAN
    missing_share: float = _NAN
    reference_missing_share: float = _NAN
    missing_p_value: float = _NAN
    unseen_share: float = 0.0
    unseen_p_value: float = 1.0
    out_of_range_share: float = 0.0
    value_verdict: Verdict = "error"
    missing_verdict: Verdict = "stable"
    unseen_verdict: Verdict = "stable"
    verdict: Verdict = "error"
    unseen_categories: tuple[tuple[str, int], ...] = ()
    note: str = ""
    table: Table | None = None
    # None where one look alone decides.
    standing: Standing | None = None
    policy: DriftPolicy = DEFAULT_POLICY

    @property
    def largest_effect(self) -> float:
        """The largest of the three effects: values moved, missing share changed, unseen share."""
        effects = (self.effect_size, abs(self.missing_share - self.reference_missing_share), self.unseen_share)
        return max((effect for effect in effects if effect == effect), default=0.0)

    @property
    def stability(self) -> float:
        """The population stability index less what chance adds to it; NaN where nothing was counted."""
        return self.table.stability if self.table else _NAN

    @property
    def movers(self) -> tuple[Mover, ...]:
        """The categories that moved beyond their noise, the largest first."""
        return self.table.movers if self.table and self.test == "chi2" else ()

    @property
    def rate(self) -> Rate | None:
        """The rare category whose rate changed most, where little traffic moved."""
        told = self.table is not None and self.test == "chi2" and self.effect_size < POINTS_TELL
        return self.table.rate if self.table and told else None

    @property
    def betting_score(self) -> float | None:
        """The evidence for a drift, where it is watched and still known."""
        return self.standing.score if self.standing else None

    @property
    def alarm(self) -> AlarmRecord | None:
        """The alarm that sounds here."""
        return self.standing.alarm if self.standing else None

    @property
    def reason(self) -> str:
        """What was found in words, the findings that matter first, and the alarm that rests on it."""
        return self.note if self.verdict == "error" else wording.sentences(list(filter(None, _findings(self))))


Reports = tuple[ColumnReport, ...]
# By column; None where one look alone decides.
Standings = Mapping[str, Standing] | None
# The numbers of a report that are computed for all windows together, in the order of its fields.
_NUMBERS = ColumnReport._fields[ColumnReport._fields.index("n") : ColumnReport._fields.index("value_verdict")]


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


_EFFECTS = ("effect_size", "missing_change", "unseen_share")
_ADJUSTED = ("adjusted_p_value", "adjusted_missing_p", "adjusted_unseen_p")


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
    return [_NAN if number != number else number for number in listed] if np.isnan(numbers).any() else listed


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


def _findings(report: ColumnReport) -> list[str]:
    """Return what there is to say of a column, the findings that matter first."""
    value, standing = report.value_verdict, report.standing
    findings = []
    if report.missing_verdict != "stable":
        findings.append(wording.missing_moved(report.reference_missing_share, report.missing_share))
    if report.unseen_verdict != "stable":
        findings.append(wording.unseen_found(report.unseen_share, report.unseen_categories))
    findings.insert(0 if value in ("drift", "warning") else len(findings), _value_finding(report))
    if standing is None:
        return findings
    if standing.n_awaited and report.n >= report.policy.min_sample:
        findings.insert(0, wording.awaited(standing.n_awaited))
    if standing.answered and standing.answered.acknowledged:
        findings.append(wording.answered(standing.answered, standing.answered.acknowledged))
    if standing.alarm:
        findings.append(wording.alarm_sounded(standing.alarm))
        if standing.snoozed and standing.alarm.snoozed:
            findings.append(wording.snoozed(standing.alarm.snoozed))
    return findings


def _value_finding(report: ColumnReport) -> str:
    if report.test in ("none", "constant"):
        return report.note
    standing = report.standing
    if (
        standing
        and report.value_verdict == "insufficient"
        and standing.is_blind(report.n, report.n_reference, report.policy)
    ):
        df = max(len(report.table.names) - 1, 1) if report.table and report.test == "chi2" else 0
        return wording.blind(report.n, report.n_reference, standing.phi, report.policy, df)
    shares = (report.reference_share_there, report.share_there)
    said = what_moved(report.location, shares, report.table, report.effect_size)
    adjusted_p = report.adjusted_p_value
    by_chance = adjusted_p > report.policy.alpha
    return wording.value_finding(report.test, said, report.effect_size, adjusted_p, report.value_verdict, by_chance)

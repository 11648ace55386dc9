"""Every column of a window against its reference: one report each, the worst first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Any

import numpy as np

from drift import wording
from drift.compared import Compared
from drift.comparing import Values
from drift.effects import Mover
from drift.ledger import AlarmRecord
from drift.policy import WORST_FIRST, DriftPolicy, Verdict
from drift.standing import NOWHERE, Standing, Verdicts, settle
from drift.two_sample import Test, adjusted_by_window, ks_p_values
from drift.windows import Column, Kind, Role

_NAN = float("nan")
_RANK = {verdict: rank for rank, verdict in enumerate(WORST_FIRST)}


@dataclass(frozen=True, kw_only=True)
class ColumnReport:
    """One column of one window.

    `n` and `n_reference` count rows, missing values included. Numbers that could not be computed are NaN, and the
    verdict says so: `insufficient` or `error`. `adjusted_p_value` is over all columns of the window. The verdict is
    the worst of three: of the values, of the missing share and of values that the reference has never seen.
    `statistic` is exact where `statistic_bound` is 0; else the true one is at most that much larger.
    """

    column: str
    kind: Kind
    role: Role
    test: Test = "none"
    n: int = 0
    n_reference: int = 0
    statistic: float = _NAN
    p_value: float = _NAN
    log10_p: float = _NAN
    adjusted_p_value: float = _NAN
    effect_size: float = _NAN
    location: float = _NAN
    missing_share: float = _NAN
    reference_missing_share: float = _NAN
    missing_p_value: float = _NAN
    unseen_share: float = 0.0
    unseen_p_value: float = 1.0
    unseen_categories: tuple[tuple[str, int], ...] = ()
    out_of_range_share: float = 0.0
    statistic_bound: float = 0.0
    stability: float = _NAN
    movers: tuple[Mover, ...] = ()
    betting_score: float | None = None
    alarm: AlarmRecord | None = None
    verdict: Verdict = "error"
    value_verdict: Verdict = "error"
    missing_verdict: Verdict = "stable"
    unseen_verdict: Verdict = "stable"
    reason: str = ""

    def __eq__(self, other: object) -> bool:
        # As tuples, in which the NaN of all reports is equal to itself.
        return isinstance(other, ColumnReport) and _values(self) == _values(other)

    @cached_property
    def largest_effect(self) -> float:
        """The largest of the three effects: values moved, missing share changed, unseen share."""
        effects = (self.effect_size, abs(self.missing_share - self.reference_missing_share), self.unseen_share)
        return max((effect for effect in effects if effect == effect), default=0.0)


class _Unread(ColumnReport):
    """A report whose words are found once somebody reads them: of the 1,600 of a timeline, few are."""

    compared: Compared
    window: int
    standing: Standing | None
    policy: DriftPolicy

    @property
    def found(self) -> Values:
        """What the test of the values found, with its words."""
        return self.compared.comparison(self.window).values

    @cached_property
    def reason(self) -> str:
        return _reason(self, self.found, self.standing, self.policy)

    @cached_property
    def stability(self) -> float:
        return self.found.telling.stability

    @cached_property
    def movers(self) -> tuple[Mover, ...]:
        return self.found.telling.movers

    @cached_property
    def unseen_categories(self) -> tuple[tuple[str, int], ...]:
        return self.found.unseen

    def __reduce__(self) -> tuple[Callable[..., ColumnReport], tuple[Any, ...]]:
        return _read, _values(self)


def _values(report: ColumnReport) -> tuple[Any, ...]:
    return tuple(getattr(report, field.name) for field in fields(ColumnReport))


def _read(*values: Any) -> ColumnReport:
    return ColumnReport(**dict(zip((field.name for field in fields(ColumnReport)), values, strict=True)))


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
    >>> from drift.comparing import compare
    >>> from drift.samples import CategoricalSample, reference_from
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
    stand = standings or [None] * len(in_order[0])
    numbers = _with_p_values(in_order)
    windows: list[list[ColumnReport]] = [[] for _ in stand]
    for row, (column, found) in enumerate(zip(columns, in_order, strict=True)):
        # Every report of the column begins as a copy of what they have in common.
        common: dict[str, Any] = {"column": column.name, "kind": column.kind, "role": column.role, "compared": found}
        names = (*numbers, "test", "window")
        parts = [_listed(numbers[name][row]) for name in numbers]
        by_window = zip(*parts, found.tests, range(len(stand)), strict=True)
        for window, (values, standing, reports) in enumerate(zip(by_window, stand, windows, strict=True)):
            here = None if standing is None else standing.get(column.name, NOWHERE)
            if window in found.failed:
                reports.append(_failed(column, found.failed[window], here))
                continue
            known = common.copy()
            known.update(zip(names, values, strict=True))
            reports.append(_report(known, here, policy))
    return [tuple(sorted(reports, key=_worst_first)) for reports in windows]


def _listed(numbers: np.ndarray) -> list[Any]:
    """Return numbers as Python has them; every NaN is the same one, so that equal reports are equal."""
    listed: list[Any] = numbers.tolist()
    return [_NAN if number != number else number for number in listed] if np.isnan(numbers).any() else listed


@cache
def _worst(verdicts: Verdicts) -> Verdict:
    return min(verdicts, key=_RANK.__getitem__)


def _worst_first(report: ColumnReport) -> tuple[int, float]:
    return _RANK[report.verdict], -report.largest_effect


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
        effects = [found["effect_size"], np.abs(missing_share - reference_missing), unseen_share]
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
        "missing_share": missing_share,
        "reference_missing_share": reference_missing,
        "missing_p_value": found["missing_p"],
        "adjusted_missing_p": adjusted_by_window(found["missing_p"]),
        "unseen_share": unseen_share,
        "unseen_p_value": found["unseen_p"],
        "adjusted_unseen_p": adjusted_by_window(found["unseen_p"]),
        "out_of_range_share": found["out_of_range"],
        "largest_effect": np.nanmax([*effects, np.zeros(n.shape)], axis=0),
    }


def _failed(column: Column, error: Exception, standing: Standing | None) -> ColumnReport:
    reason = f"Could not be computed: {error or type(error).__name__}"
    alarm = standing.alarm if standing else None
    return ColumnReport(column=column.name, kind=column.kind, role=column.role, alarm=alarm, reason=reason)


def _report(known: dict[str, Any], standing: Standing | None, policy: DriftPolicy) -> ColumnReport:
    """Settle the verdicts of a column by its numbers."""
    report = object.__new__(_Unread)
    # Past the constructor of a frozen class, which takes longer than all the rest.
    object.__setattr__(report, "__dict__", known)
    adjusted = known["adjusted_p_value"], known.pop("adjusted_missing_p"), known.pop("adjusted_unseen_p")
    if standing:
        verdicts = settle(report, known["test"], standing, policy)
        known["betting_score"], known["alarm"] = standing.score, standing.alarm
    else:
        verdicts = _at_one_look(report, adjusted, policy)
    known["value_verdict"], known["missing_verdict"], known["unseen_verdict"] = verdicts
    known["verdict"] = _worst(verdicts)
    known["standing"], known["policy"] = standing, policy
    return report


def _at_one_look(report: ColumnReport, adjusted: tuple[float, float, float], policy: DriftPolicy) -> Verdicts:
    """Return the verdicts that the adjusted p-values of a single look lead to."""
    value_p, missing_p, unseen_p = adjusted
    change = report.missing_share - report.reference_missing_share
    value = policy.verdict(value_p, report.effect_size) if report.test != "none" else "insufficient"
    missing = policy.verdict(missing_p, abs(change)) if missing_p <= policy.alpha else "stable"
    return value, missing, policy.verdict(unseen_p, report.unseen_share)


def _reason(report: ColumnReport, values: Values, standing: Standing | None, policy: DriftPolicy) -> str:
    """Say what was found, the findings that matter first, and the alarm that rests on it."""
    value = report.value_verdict
    findings = []
    if report.missing_verdict != "stable":
        findings.append(wording.missing_moved(report.reference_missing_share, report.missing_share))
    if report.unseen_verdict != "stable":
        findings.append(wording.unseen_found(report.unseen_share, values.unseen))
    adjusted_p = report.adjusted_p_value
    said = wording.value_finding(
        report.test, values.said, report.effect_size, adjusted_p, value, adjusted_p > policy.alpha
    )
    findings = [said, *findings] if value in ("drift", "warning") else [*findings, said]
    if standing and standing.n_awaited and report.n >= policy.min_sample:
        findings.insert(0, wording.awaited(standing.n_awaited))
    if standing and standing.answered and standing.answered.acknowledged:
        findings.append(wording.answered(standing.answered, standing.answered.acknowledged))
    if standing and standing.alarm:
        findings.append(wording.alarm_sounded(standing.alarm))
        if standing.snoozed and standing.alarm.snoozed:
            findings.append(wording.snoozed(standing.alarm.snoozed))
    return wording.sentences(findings)

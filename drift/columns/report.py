"""One column of one window: what was found, and what it says in words."""

from typing import NamedTuple

from drift import wording
from drift.columns.values import POINTS_TELL, Table, what_moved
from drift.data.policy import DEFAULT_POLICY, DriftPolicy, Verdict
from drift.data.windows import Kind, Role
from drift.life.latch import Standing
from drift.life.ledger import AlarmRecord
from drift.statistics.effects import Mover, Rate
from drift.statistics.two_sample import Test

# The one NaN of all reports: tuples take it for equal to itself.
NAN = float("nan")


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
    statistic: float = NAN
    statistic_bound: float = 0.0
    p_value: float = NAN
    log10_p: float = NAN
    adjusted_p_value: float = NAN
    effect_size: float = NAN
    location: float = NAN
    reference_share_there: float = NAN
    share_there: float = NAN
    missing_share: float = NAN
    reference_missing_share: float = NAN
    missing_p_value: float = NAN
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
        return self.table.stability if self.table else NAN

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

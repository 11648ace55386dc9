"""Every column of a window against its reference: one report each, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from drift import wording
from drift.comparing import Comparison, compare
from drift.policy import WORST_FIRST, DriftPolicy, Verdict
from drift.samples import Reference, Sample
from drift.two_sample import Test, TwoSampleResult, benjamini_hochberg, ks_p_values
from drift.windows import Column, Kind, Role

_NAN = float("nan")
_Found = Comparison | Exception


@dataclass(frozen=True, kw_only=True)
class ColumnReport:
    """One column of one window.

    `n` and `n_reference` count rows, missing values included. Numbers that could not be computed are NaN, and the
    verdict says so: `insufficient` or `error`. `adjusted_p_value` is over all columns of the window. The verdict is
    the worst of three: of the values, of the missing share and of values that the reference has never seen.
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
    betting_score: float | None = None
    verdict: Verdict = "error"
    value_verdict: Verdict = "error"
    missing_verdict: Verdict = "stable"
    unseen_verdict: Verdict = "stable"
    reason: str = ""

    @property
    def largest_effect(self) -> float:
        """The largest of the three effects: values moved, missing share changed, unseen share."""
        effects = (self.effect_size, abs(self.missing_share - self.reference_missing_share), self.unseen_share)
        return max((effect for effect in effects if effect == effect), default=0.0)


def compare_columns(
    columns: Sequence[Column],
    references: Mapping[str, Reference],
    samples: Mapping[str, Sample | Exception],
    policy: DriftPolicy,
) -> tuple[ColumnReport, ...]:
    """Compare every column with its reference, the worst first.

    A column that cannot be computed gets the verdict `error` with the reason and leaves its neighbours alone.

    Parameters
    ----------
    columns : the columns to report, in the order that breaks ties
    references, samples : by column name
        In place of a sample may stand the exception that reading it raised.

    Examples
    --------
    >>> from drift.samples import CategoricalSample, reference_from
    >>> def colours(n_red, n_blue):
    ...     return CategoricalSample(np.repeat([0, 1], [n_red, n_blue]), ("red", "blue"))
    >>> column, reference = Column("colour", "categorical"), reference_from(colours(500, 500))
    >>> compare_columns([column], {"colour": reference}, {"colour": colours(80, 20)}, DriftPolicy())[0].reason
    "30.0 points of traffic moved ('red' +30.0, 'blue' -30.0), adjusted p 1.0e-08."
    """
    found = [_attempt(references.get(c.name), samples.get(c.name), policy) for c in columns]
    compared = [None if isinstance(part, Exception) else part for part in found]
    results = _with_ks_p_values(compared)
    adjusted = zip(
        _adjusted([result.p_value if result else _NAN for result in results]),
        _adjusted([part.missing_p_value if part else _NAN for part in compared]),
        _adjusted([part.unseen_p_value if part else _NAN for part in compared]),
        strict=True,
    )
    reports = [
        _failed(column, part) if isinstance(part, Exception) else _report(column, part, result, p_values, policy)
        for column, part, result, p_values in zip(columns, found, results, adjusted, strict=True)
    ]
    return tuple(sorted(reports, key=lambda r: (WORST_FIRST.index(r.verdict), -r.largest_effect)))


def _attempt(reference: Reference | None, sample: Sample | Exception | None, policy: DriftPolicy) -> _Found:
    try:
        return compare(reference, sample, policy)
    except Exception as error:  # whatever it is, the other columns are still of use
        return error


def _with_ks_p_values(compared: Sequence[Comparison | None]) -> list[TwoSampleResult | None]:
    """Return the results of the value tests, the KS ones completed by one computation for all columns."""
    results = [part.values.result if part else None for part in compared]
    pending = [k for k, result in enumerate(results) if result and result.test == "ks"]
    sizes = [(part.n_values_reference, part.n_values) for k in pending if (part := compared[k])]
    distances = [result.statistic for k in pending if (result := results[k])]
    if pending:
        p_values, log10_p = ks_p_values(distances, *np.transpose(sizes))
        for k, p, log10 in zip(pending, p_values.tolist(), log10_p.tolist(), strict=True):
            if result := results[k]:
                results[k] = replace(result, p_value=p, log10_p=log10)
    return results


def _adjusted(p_values: Sequence[float]) -> np.ndarray:
    """Adjust p-values over the columns that have one."""
    adjusted = np.array(p_values, float)
    tested = ~np.isnan(adjusted)
    adjusted[tested] = benjamini_hochberg(adjusted[tested])
    return adjusted


def _failed(column: Column, error: Exception) -> ColumnReport:
    reason = f"Could not be computed: {error or type(error).__name__}"
    return ColumnReport(column=column.name, kind=column.kind, role=column.role, reason=reason)


def _report(
    column: Column,
    part: Comparison,
    result: TwoSampleResult | None,
    adjusted: tuple[float, float, float],
    policy: DriftPolicy,
) -> ColumnReport:
    adjusted_p, missing_p, unseen_p = (float(p) for p in adjusted)
    change = part.missing_share - part.reference_missing_share
    value = policy.verdict(adjusted_p, result.effect_size) if result else "insufficient"
    missing = policy.verdict(missing_p, abs(change)) if missing_p <= policy.alpha else "stable"
    unseen = policy.verdict(unseen_p, part.unseen_share)
    tested = result or TwoSampleResult("none", _NAN, _NAN, _NAN, _NAN)
    return ColumnReport(
        column=column.name,
        kind=column.kind,
        role=column.role,
        test=tested.test,
        n=part.n,
        n_reference=part.n_reference,
        statistic=tested.statistic,
        p_value=tested.p_value,
        log10_p=tested.log10_p,
        adjusted_p_value=adjusted_p,
        effect_size=tested.effect_size,
        location=tested.location,
        missing_share=part.missing_share,
        reference_missing_share=part.reference_missing_share,
        missing_p_value=part.missing_p_value,
        unseen_share=part.unseen_share,
        unseen_p_value=part.unseen_p_value,
        unseen_categories=part.values.unseen,
        out_of_range_share=part.out_of_range_share,
        verdict=min((value, missing, unseen), key=WORST_FIRST.index),
        value_verdict=value,
        missing_verdict=missing,
        unseen_verdict=unseen,
        reason=_reason(part, tested, (value, missing, unseen), adjusted_p),
    )


def _reason(part: Comparison, result: TwoSampleResult, verdicts: tuple[Verdict, ...], adjusted_p: float) -> str:
    """Say what was found, the findings that matter first."""
    value, missing, unseen = verdicts
    findings = []
    if missing != "stable":
        findings.append(wording.missing_moved(part.reference_missing_share, part.missing_share))
    if unseen != "stable":
        findings.append(wording.unseen_found(part.unseen_share, part.values.unseen))
    said = wording.value_finding(result.test, part.values.said, result.effect_size, adjusted_p, value)
    return wording.sentences([said, *findings] if value in ("drift", "warning") else [*findings, said])

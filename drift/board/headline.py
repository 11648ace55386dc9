"""The verdict of a whole board, and its one sentence."""

from collections.abc import Sequence
from datetime import datetime

from drift.columns.report import ColumnReport
from drift.data.policy import WORST_FIRST, DriftPolicy, Verdict
from drift.wording import rate_changed

_SLIGHT_NAMED = 3


def board_verdict(reports: Sequence[ColumnReport]) -> Verdict:
    """Return the worst verdict of the columns; too little data counts only where no column has enough."""
    verdicts = {report.verdict for report in reports}
    if verdicts > {"insufficient"}:
        verdicts -= {"insufficient"}
    return min(verdicts, key=WORST_FIRST.index, default="insufficient")


def headline(reports: Sequence[ColumnReport], n: int, policy: DriftPolicy) -> str:
    """Say in one sentence whether anything is wrong.

    Parameters
    ----------
    reports : the columns of one window, the worst first
    n : rows of the window
    """
    verdict = board_verdict(reports)
    if verdict == "insufficient":
        return _too_little(reports, n, policy)
    failed = [report for report in reports if report.verdict == "error"]
    if verdict == "error" and len(failed) == len(reports):
        return f"Check failed: {_uncapitalised(failed[0].reason)}"
    asides = [""]
    warned = [report for report in reports if report.verdict == "warning"]
    # Amber though far from the reference: somebody has answered the alarm, or snoozed it.
    known = [report for report in warned if report.largest_effect >= policy.min_effect]
    if verdict == "drift" and (slight := [report.column for report in warned if report not in known]):
        who = ", ".join(slight) if len(slight) <= _SLIGHT_NAMED else _columns(len(slight))
        asides.append(f"{who} moved too, but not far")
    if verdict == "drift" and known:
        asides.append(f"{_columns(len(known))} answered")
    if failed:
        asides.append(f"{_columns(len(failed))} could not be checked ({failed[0].column})")
    if few := sum(report.verdict == "insufficient" for report in reports):
        asides.append(f"{_columns(few)} had too little data")
    aside = "; ".join(asides)
    moved = [report for report in reports if report.verdict == verdict]
    found = f"({_most(moved)}){_begun(moved)}{aside}" if moved and verdict in ("drift", "warning") else ""
    if verdict == "drift":
        return f"Drift: {who_moved(moved, reports)} {found}."
    if verdict == "warning" and known:
        who = f"{who_moved(known, reports)} ({_most(known)})"
        return f"Warning: answered, but still far from the reference: {who}{aside}."
    if verdict == "warning":
        return f"Warning: {who_moved(moved, reports)} moved beyond chance, but not far {found}."
    stable = sum(report.verdict == "stable" for report in reports)
    if verdict == "error":
        return f"Check failed for {_columns(len(failed))} ({failed[0].column}); {_columns(stable)} stayed stable."
    if far := far_columns(reports, policy):
        most = max(far, key=lambda report: report.effect_size).column
        who = f"{len(far)} of {_columns(stable)} ({most} most)"
        return f"Stable: no alarm stands; far from the reference all the same: {who}{aside}."
    return f"Stable: none of {_columns(stable)} moved beyond chance{aside}."


def far_columns(reports: Sequence[ColumnReport], policy: DriftPolicy) -> list[ColumnReport]:
    """Return the columns that lie far from the reference though no alarm stands: answered, or not yet believed."""
    return [
        report
        for report in reports
        if report.verdict in ("stable", "warning")
        and report.effect_size >= policy.min_effect
        and report.adjusted_p_value <= policy.alpha
    ]


def first_alarmed(reports: Sequence[ColumnReport]) -> tuple[datetime, list[str]] | None:
    """Return since when the drift of these columns seems to last, and which of them alarmed first.

    The onset of a single column is an estimate, the order of the alarms is a fact: the earliest onset counts among the
    columns that alarmed first.
    """
    alarms = [(report.alarm, report.column) for report in reports if report.alarm]
    if not alarms:
        return None
    earliest = min(alarm.mark.at for alarm, _ in alarms)
    first = [(alarm.onset_at, column) for alarm, column in alarms if alarm.mark.at == earliest]
    return min(onset for onset, _ in first), [column for _, column in first]


def headline_since(drifting: Sequence[Sequence[ColumnReport]], since: datetime, *, may_be_older: bool = False) -> str:
    """Say in one sentence since when a model drifts.

    Parameters
    ----------
    drifting : the columns of every drifting window since the onset, the oldest window first
    since : the start of the first of them
    may_be_older : no healthy window comes before them, so that the drift may be older

    Examples
    --------
    >>> from datetime import UTC
    >>> age = ColumnReport(column="age", kind="numeric", role="feature", verdict="drift", effect_size=0.3)
    >>> headline_since([[age], [age]], datetime(2026, 11, 22, 14, tzinfo=UTC))
    'Drift since 2026-11-22 14:00 UTC, 2 windows running: the only feature (age moved first).'
    """
    newest = [report for report in drifting[-1] if report.verdict == "drift"]
    running = f", {len(drifting)} windows running" if len(drifting) > 1 else ""
    alarmed = first_alarmed(newest)
    first = alarmed[1] if alarmed else [report.column for report in drifting[0] if report.verdict == "drift"]
    # Columns that began in the same window, or alarmed with the same row, have no order.
    order = "moved first" if len(first) == 1 else "moved most at first"
    at = f"{since:%Y-%m-%d %H:%M %Z}{' or earlier' if may_be_older else ''}"
    return f"Drift since {at}{running}: {who_moved(newest, drifting[-1])} ({first[0]} {order})."


def who_moved(moved: Sequence[ColumnReport], reports: Sequence[ColumnReport]) -> str:
    """Name the outputs that moved and count the features: `prediction and 2 of 14 features`."""
    parts = [report.column for report in moved if report.role != "feature"]
    n_features = sum(report.role == "feature" for report in reports)
    if n_moved := sum(report.role == "feature" for report in moved):
        parts.append("the only feature" if n_features == 1 else f"{n_moved} of {n_features} features")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _begun(moved: Sequence[ColumnReport]) -> str:
    """Say since when, and which column was first, where alarms tell."""
    alarmed = first_alarmed(moved)
    if alarmed is None:
        return ""
    since, first = alarmed
    who = f", {first[0]} first" if len(first) == 1 and len(moved) > 1 else ""
    return f", begun about {since:%Y-%m-%d %H:%M %Z}{who}"


def _most(moved: Sequence[ColumnReport]) -> str:
    """Name the column that moved most, and how far."""
    most = max(moved, key=lambda report: report.largest_effect)
    if most.value_verdict not in ("drift", "warning"):
        return f"{most.column}: {_uncapitalised(most.reason.split('. ')[0].rstrip('.'))}"
    if most.test == "ks":
        return f"{most.column} moved most, KS distance {most.effect_size:.2f}"
    if most.test == "constant":
        return f"{most.column}: {_uncapitalised(most.reason.split('. ')[0].rstrip('.'))}"
    if rate := most.rate:
        return f"{most.column}: {rate_changed(rate)}"
    return f"{most.column} moved most, {100 * most.effect_size:.1f} points of traffic"


def _too_little(reports: Sequence[ColumnReport], n: int, policy: DriftPolicy) -> str:
    if n < policy.min_sample or not reports:
        return f"Not enough data: {n:,} of {policy.min_sample:,} rows."
    n_reference = max(report.n_reference for report in reports)
    if n_reference < policy.min_sample:
        return f"Not enough data: the reference holds {n_reference:,} of {policy.min_sample:,} rows."
    return f"Not enough data: {reports[0].column}: {_uncapitalised(reports[0].reason)}"


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"


def _uncapitalised(said: str) -> str:
    return said[:1].lower() + said[1:]

"""What labels, and where they are missing the model's own scores, say of a window: one report for every front end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from drift.data.policy import Verdict
from drift.life.evidence import Alarm
from drift.life.ledger import AlarmRecord
from drift.performance.agreement import Agreement, Delay, difference_interval
from drift.performance.expected import CAVEAT, Expected
from drift.performance.vocabulary import NOTHING_STRANGE, Vocabulary

# A window that cannot exclude such a loss does not show that accuracy has returned.
_LOSS_THAT_MATTERS = 0.05
Cause = Literal["unknown", "inputs", "relation"]


@dataclass(frozen=True)
class Concept:
    """Whether predictions went wrong more often since the reference, from labels in the order in which they came.

    `cause` is what the scores say of an alarm: where they expected the loss, the inputs moved to where the model is
    weaker; where they did not, the relation from input to label has changed. `n` labels have been watched; `recent`
    are the newest of them, at most a window's; `since` is when the drift of the alarm seems to have begun. `is_back`
    says that an alarm stands although its loss is over.
    """

    verdict: Verdict
    said: str
    cause: Cause = "unknown"
    n: int = 0
    recent: Agreement | None = None
    betting_score: float = float("nan")
    alarm: Alarm | None = None
    since: datetime | None = None
    is_back: bool = False


@dataclass(frozen=True)
class LabelDrift:
    """The true classes of the window's labelled rows against those of the reference.

    `is_alarm` says that the verdict is that of an alarm, and not of this look alone.
    """

    verdict: Verdict
    said: str
    n: int
    p_value: float = float("nan")
    effect_size: float = float("nan")
    is_alarm: bool = False


@dataclass(frozen=True, kw_only=True)
class PerformanceReport:
    """What labels, and the model's own scores where labels are missing, say of a window.

    Attributes
    ----------
    now, reference : labelled rows of the window, and of the reference if it holds labels
    expected : what accuracy the scores promise over all rows of the window; None where they cannot, for `why_not`
    expected_labelled : the same over the labelled rows only, which the realised accuracy can be held against
    delay : how long the window's labels took to come
    label : drift of the true classes
    concept : drift of right and wrong, from labels only
    withheld : why the expected accuracy, though it can be computed, is not told
    alarms : of the streams that labels feed, those that had sounded by the window's end
    vocabulary : whether labels and predictions use the same names; where they share none, `now` counts no row
    """

    now: Agreement
    reference: Agreement | None = None
    expected: Expected | None = None
    expected_labelled: Expected | None = None
    why_not: str = ""
    withheld: str = ""
    delay: Delay | None = None
    label: LabelDrift | None = None
    concept: Concept | None = None
    alarms: tuple[AlarmRecord, ...] = ()
    vocabulary: Vocabulary = NOTHING_STRANGE

    @property
    def gap(self) -> float:
        """Realised minus expected accuracy of the labelled rows; NaN where one of them is unknown."""
        if self.expected_labelled is None or not self.now.n:
            return float("nan")
        return self.now.share - self.expected_labelled.accuracy

    @property
    def gap_is_evidence(self) -> bool:
        """Whether the realised accuracy lies below what the scores promise: a sign of concept drift."""
        if self.expected_labelled is None or not self.now.n:
            return False
        return self.now.share < self.expected_labelled.interval[0]

    @property
    def cause(self) -> Cause:
        """What the scores say of a loss: they did not expect it, they did, or neither is beyond chance."""
        if self.gap_is_evidence:
            return "relation"
        promised, before = self.expected_labelled, self.reference
        if promised is not None and before is not None and before.n and promised.interval[1] < before.share:
            return "inputs"
        return "unknown"

    @property
    def expected_said(self) -> str:
        """The expected accuracy as a sentence with its condition, or why it is withheld; empty where it is unknown."""
        if self.expected is None:
            return f"Expected accuracy is withheld: {self.withheld}." if self.withheld else ""
        low, high = self.expected.interval
        return (
            f"Expected accuracy is {self.expected.accuracy:.1%} ({low:.1%} to {high:.1%}) {CAVEAT}: "
            "scores cannot show that it has changed."
        )


def accuracy_fell(since: datetime, before: Agreement, now: Agreement) -> str:
    """Say since when predictions go wrong more often, and how often they are right."""
    is_now = f"{now.share:.1%} (n = {now.n:,})" if now.n else "no label in this window"
    return f"accuracy fell since about {since:%Y-%m-%d %H:%M %Z}: {is_now}, was {before.share:.1%} (n = {before.n:,})"


def is_back(before: Agreement, now: Agreement, level: float) -> bool:
    """Return whether accuracy has returned: no loss beyond chance, and enough labels to exclude one that matters."""
    if not now.n or not before.n:
        return False
    low, high = difference_interval(before, now, level)
    return high >= 0 and low > -_LOSS_THAT_MATTERS


def accuracy_returned(since: datetime, before: Agreement, now: Agreement, start: datetime | None) -> str:
    """Say that the loss of an alarm is over; `start` is that of the window whose labels show it."""
    when = f"since {start:%Y-%m-%d %H:%M %Z} or earlier" if start else "in the newest labels"
    is_now = f"{now.share:.1%} (n = {now.n:,}), was {before.share:.1%} (n = {before.n:,})"
    return f"accuracy was lower from about {since:%Y-%m-%d %H:%M %Z} on and is back to normal {when}: {is_now}"


def accuracy_doubtful(since: datetime, before: Agreement, now: Agreement) -> str:
    """Say of an alarm that the window's labels neither show its loss nor exclude it."""
    is_now = f"{now.share:.1%} (n = {now.n:,}), was {before.share:.1%} (n = {before.n:,})"
    return f"accuracy was lower from about {since:%Y-%m-%d %H:%M %Z} on; whether it still is, few labels tell: {is_now}"


def why_it_fell(found: PerformanceReport, moved: Sequence[str]) -> str:
    """Say what the scores make of a loss of accuracy; empty where they make nothing of it.

    Parameters
    ----------
    moved : features that drift
        Scores do not hold either where a relation has changed or where inputs are new to the model.
    """
    concept, expected = found.concept, found.expected_labelled
    if concept is None or concept.cause == "unknown" or expected is None:
        return ""
    promised = f"the scores expected {expected.accuracy:.1%}"
    if concept.cause == "inputs":
        return f"{promised}, so inputs moved to where the model is weaker"
    if not moved:
        return f"{promised}, so what the inputs mean has changed"
    named = ", ".join(moved[:2]) + (" and others" if len(moved) > 2 else "")
    drifts = "drifts" if len(moved) == 1 else "drift"
    return f"{promised}, so either what the inputs mean has changed or they are new to the model ({named} {drifts})"


def performance_lines(found: PerformanceReport | None) -> list[str]:
    """Return what labels and scores say, a sentence a line: what a terminal shows."""
    if found is None:
        return []
    now, before = found.now, found.reference
    low, high = now.interval
    known = f"Accuracy {now.share:.1%} ({low:.1%} to {high:.1%}) on" if now.n else "Accuracy is unknown:"
    lines = [f"{known} {now.n:,} labelled of {now.n_rows:,} rows"]
    if before is not None and before.n:
        lines[0] += f"; reference {before.share:.1%} (n = {before.n:,})"
    if found.delay is not None:
        lines[0] += f"; labels come within {_span(found.delay.median)} (half of them), {_span(found.delay.p90)} (90 %)"
    lines[0] += "."
    if found.vocabulary.is_disjoint:
        lines = [f"Accuracy is unknown: {found.vocabulary.said}."]
    said = [
        None if found.vocabulary.is_disjoint else found.vocabulary.sentence,
        found.expected_said,
        found.label and f"True classes: {found.label.said}",
        None if found.vocabulary.is_fault else found.concept and found.concept.said,
    ]
    return [*lines, *(f"{line[0].upper()}{line[1:]}" for line in said if line)]


def performance_json(found: PerformanceReport | None) -> dict[str, Any] | None:
    """Return the report as the `performance` object of `drift check --json`; what is not a number is null."""
    if found is None:
        return None
    now, before = found.now, found.reference
    return {
        "accuracy": _number(now.share),
        "interval": list(now.interval) if now.n else None,
        "n": now.n,
        "coverage": _number(now.coverage),
        "reference_accuracy": _number(before.share) if before else None,
        "reference_n": before.n if before else 0,
        "difference": _number(now.share - before.share) if before else None,
        "difference_interval": list(difference_interval(before, now)) if before and before.n and now.n else None,
        "expected": _expected_json(found),
        "delay": _delay_json(found.delay),
        "label_drift": _label_json(found.label),
        "concept": _concept_json(found.concept),
        "vocabulary": _vocabulary_json(found.vocabulary),
    }


def _vocabulary_json(words: Vocabulary) -> dict[str, Any] | None:
    if not words.said:
        return None
    strange = {"feed": words.feed, "strange": dict(words.strange), "never_predicted": list(words.never_predicted)}
    return {"sentence": words.sentence, "is_fault": words.is_fault, **strange}


def _expected_json(found: PerformanceReport) -> dict[str, Any]:
    expected = found.expected
    if expected is None:
        return {"accuracy": None, "interval": None, "n": 0, "reason": found.withheld or found.why_not}
    return {
        "accuracy": expected.accuracy,
        "interval": list(expected.interval),
        "n": expected.n,
        "caveat": CAVEAT,
        "outside_share": expected.outside_share,
        "realised_minus_expected": _number(found.gap),
        "is_evidence": found.gap_is_evidence,
    }


def _delay_json(delay: Delay | None) -> dict[str, Any] | None:
    if delay is None:
        return None
    return {"n": delay.n, "median_seconds": delay.median.total_seconds(), "p90_seconds": delay.p90.total_seconds()}


def _label_json(label: LabelDrift | None) -> dict[str, Any] | None:
    if label is None:
        return None
    numbers = {"n": label.n, "p_value": _number(label.p_value), "effect_size": _number(label.effect_size)}
    return {"verdict": label.verdict, "sentence": label.said, **numbers}


def _concept_json(concept: Concept | None) -> dict[str, Any] | None:
    if concept is None:
        return None
    return {
        "verdict": concept.verdict,
        "sentence": concept.said,
        "cause": concept.cause,
        "n": concept.n,
        "betting_score": _number(concept.betting_score),
        "since": concept.since.isoformat() if concept.since else None,
    }


def _span(span: timedelta) -> str:
    """Print a span of time in its largest unit."""
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if span >= unit:
            return f"{span / unit:.1f} {name}"
    return f"{span.total_seconds():.0f} s"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None

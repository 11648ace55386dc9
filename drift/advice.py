"""What to do about a board: nothing, watch, investigate, retrain or act at once, and the evidence in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from drift.columns import ColumnReport
from drift.headline import far_columns
from drift.monitor import Board
from drift.performance import accuracy_p_value, difference_interval
from drift.performance_report import PerformanceReport
from drift.policy import DriftPolicy
from drift.wording import p_phrase, short

Urgency = Literal["act", "look", "wait", "none"]
Action = Literal["none", "monitor", "investigate", "retrain", "emergency"]
Guard = Literal["", "pipeline fault", "cool-down", "too few labels", "one class"]
# How far accuracy must have fallen, beyond chance, before something is to be done.
INVESTIGATE, RETRAIN, EMERGENCY = 0.02, 0.05, 0.10
# Population stability of a column that moved beyond chance, where no labels tell what it costs.
MONITOR_PSI, INVESTIGATE_PSI, EMERGENCY_PSI = 0.10, 0.25, 0.50
# So many values that no row of the reference had came with a new code list or a renaming, not with the world; from
# there on a retrain job refuses the rows too.
UNSEEN_BURST = 0.5
_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What speaks against a retrain now, whatever the evidence; None is not known and does not count.

    Attributes
    ----------
    since_retrain : time since the last training
    cool_down : no second training within it
    labels : labelled rows of each class since the last training, the newest that a job would collect
    min_labels, min_class_labels : fewer rows, in all or of a class, teach nothing
    """

    since_retrain: timedelta | None = None
    cool_down: timedelta = timedelta(hours=24)
    labels: Mapping[str, int] | None = None
    min_labels: int = 500
    min_class_labels: int = 50

    def hold(self) -> tuple[Guard, str] | None:
        """Return the guard that forbids a retrain now, and the reason in words.

        Examples
        --------
        >>> Guards(since_retrain=timedelta(hours=5)).hold()
        ('cool-down', 'the last training ended 5.0 hours ago and the cool-down is 24 hours')
        >>> Guards(labels={"good": 700}).hold()
        ('one class', "the newest 700 labels since the last training are all 'good'")
        """
        if self.since_retrain is not None and self.since_retrain < self.cool_down:
            ago, rest = (span / timedelta(hours=1) for span in (self.since_retrain, self.cool_down))
            return "cool-down", f"the last training ended {ago:.1f} hours ago and the cool-down is {rest:g} hours"
        if self.labels is None:
            return None
        present = {name: n for name, n in self.labels.items() if n}
        total = sum(present.values())
        if total < self.min_labels:
            return "too few labels", f"{total:,} of {self.min_labels:,} labelled rows have come since the last training"
        if len(present) == 1:
            return (
                "one class",
                f"the newest {total:,} labels since the last training are all {short(next(iter(present)))}",
            )
        rarest = min(present, key=lambda name: (present[name], name))
        if present[rarest] < self.min_class_labels:
            few = f"{present[rarest]:,} of {self.min_class_labels:,} labelled rows of class {short(rarest)}"
            return "too few labels", f"{few} have come since the last training"
        return None


@dataclass(frozen=True)
class Advice:
    """What to do now, and why.

    `action` is what the evidence asks for and `not_now` why it must wait, by the `guard` that holds. `lost_accuracy`
    says that labels show a loss.
    """

    urgency: Urgency
    title: str
    evidence: str
    lost_accuracy: bool = False
    action: Action = "none"
    not_now: str = ""
    guard: Guard = ""

    @property
    def starts_retrain(self) -> bool:
        """Whether a retrain may begin by itself: labels show the loss, and no guard holds."""
        return self.action in ("retrain", "emergency") and self.lost_accuracy and not self.guard


def recommend(
    board: Board, found: PerformanceReport | None, policy: DriftPolicy, guards: Guards | None = None
) -> Advice:
    """Say what to do about a board, with the evidence in numbers.

    Where labels tell, the loss of accuracy decides; columns that moved do not show that the model got worse, and
    never start a retrain by themselves. A fault of the data feed comes before everything else.

    Parameters
    ----------
    found : what the labels of the window say; None for a model without predictions or labels
    """
    if board.verdict == "insufficient":
        return Advice("wait", "Wait for more rows", "A verdict needs more data than this window holds.")
    drop, accuracy = _accuracy(board, found, policy)
    if fault := _pipeline_fault(board):
        title = "Repair the data feed before retraining"
        held = "a model trained on a broken feed learns the fault"
        return Advice("look", title, f"{fault} {accuracy}", False, "investigate", held, "pipeline fault")
    if board.verdict == "error":
        said = "Some columns could not be compared; the table says why."
        return Advice("look", "Repair the check", said, action="investigate")
    moved = [report for report in board.columns if report.verdict == "drift"]
    if drop is not None and drop >= INVESTIGATE:
        return _held(_lost(drop, f"{accuracy} {_inputs(board, moved, policy)}"), guards or Guards())
    if drop is None:
        # Labels tell nothing where no prediction stands beside them.
        ask = "label a sample of the newest rows" if found or _logs_predictions(board) else "find out why inputs moved"
        return _without_labels(board, moved, accuracy, ask)
    if found is not None and found.concept is not None and found.concept.verdict in ("drift", "warning"):
        said = f"{found.concept.said} In this window: {accuracy}"
        return Advice("look", "Investigate: predictions go wrong more often", said, True, "investigate")
    if moved:
        return Advice("look", "Look at the columns; retraining can wait", accuracy, action="monitor")
    return Advice("none", "Nothing to do", accuracy)


def _inputs(board: Board, moved: list[ColumnReport], policy: DriftPolicy) -> str:
    """Say what the columns show beside a loss of accuracy; an answered alarm leaves them where they are."""
    if moved:
        return f"Drift in {len(moved)} of {len(board.columns)} columns."
    if far := far_columns(board.columns, policy):
        return f"No alarm stands, but far from the reference: {_named([report.column for report in far])}."
    return "No column drifts, so what the labels mean may have changed."


def _lost(drop: float, evidence: str) -> Advice:
    if drop >= EMERGENCY:
        return Advice("act", "Retrain now", evidence, True, "emergency")
    if drop >= RETRAIN:
        return Advice("act", "Retrain", evidence, True, "retrain")
    return Advice("look", "Investigate", evidence, True, "investigate")


def _held(said: Advice, guards: Guards) -> Advice:
    """Put off a retrain that a guard forbids, with the reason."""
    held = guards.hold() if said.action in ("retrain", "emergency") else None
    if held is None:
        return said
    guard, why = held
    title = f"{said.title}, but not yet" if said.action == "retrain" else "Retrain as soon as it may"
    evidence = f"{said.evidence} Not now: {why}."
    return replace(said, urgency="wait", title=title, evidence=evidence, not_now=why, guard=guard)


def _without_labels(board: Board, moved: list[ColumnReport], accuracy: str, ask: str) -> Advice:
    """Judge by the inputs alone: what moved may cost accuracy or not, and only labels can tell."""
    beyond = [r for r in board.columns if r.value_verdict in ("drift", "warning") and r.stability == r.stability]
    most = max(beyond, key=lambda report: report.stability, default=None)
    psi = most.stability if most else 0.0
    label = "Inputs that moved do not show that the model got worse. " + accuracy
    said = f"PSI of {most.column} is {psi:.2f}. {label}" if most and psi >= MONITOR_PSI else label
    if psi >= EMERGENCY_PSI:
        return Advice("look", f"Emergency: {ask} today", said, action="emergency")
    if moved or psi >= INVESTIGATE_PSI:
        return Advice("look", f"Investigate: {ask}", said, action="investigate")
    if psi >= MONITOR_PSI:
        return Advice("look", "Watch the columns that moved", said, action="monitor")
    return Advice("none", "Nothing to do", accuracy)


def _pipeline_fault(board: Board) -> str:
    """Say which columns look broken: missing values or never seen categories came in a burst."""
    missing = [
        r.column for r in board.columns if r.missing_verdict == "drift" and r.missing_share > r.reference_missing_share
    ]
    unseen = [
        r.column
        for r in board.columns
        if r.kind == "categorical" and r.unseen_verdict == "drift" and r.unseen_share >= UNSEEN_BURST
    ]
    said = []
    if missing:
        said.append(f"Missing values rose in {_named(missing)}.")
    if unseen:
        said.append(f"Values that the reference never had came in a burst in {_named(unseen)}.")
    return " ".join(said)


def _named(columns: list[str]) -> str:
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return ", ".join(columns[:_NAMED]) + more


def _logs_predictions(board: Board) -> bool:
    return any(report.role == "prediction" for report in board.columns)


def _accuracy(board: Board, found: PerformanceReport | None, policy: DriftPolicy) -> tuple[float | None, str]:
    """Return how far accuracy fell beyond chance (0: it did not; None: cannot be told), and the numbers in words."""
    if found is None and not _logs_predictions(board):
        return None, "Accuracy cannot be told: no predictions are logged."
    if found is None or found.now.n < policy.min_sample:
        n = 0 if found is None else found.now.n
        what = "rows with a prediction and its label"
        said = f"Accuracy cannot be told: {n:,} of {policy.min_sample:,} {what} in this window."
        return None, f"{said} {found.expected_said}".rstrip() if found else said
    now, before = found.now, found.reference
    said = f"{now.share:.1%} (n = {now.n:,})"
    if before is None or before.n < policy.min_sample:
        return None, f"Accuracy on labelled rows is {said}; the reference has no labels to compare with."
    p_value = accuracy_p_value(before, now)
    was = f"{before.share:.1%} (n = {before.n:,})"
    low, high = difference_interval(before, now, 1 - policy.alpha)
    if high < 0:
        drop = before.share - now.share
        points = f"{100 * drop:.1f} points ({1 - policy.alpha:.0%} interval {-100 * high:.1f} to {-100 * low:.1f})"
        return drop, f"Accuracy fell from {was} to {said}: {points}, {p_phrase(p_value)}."
    if low > 0:
        return 0.0, f"Accuracy on labelled rows rose from {was} to {said}, {p_phrase(p_value)}."
    # Not seen is not absent: with few labels, a real fall stays within chance.
    return 0.0, f"No fall of accuracy beyond chance: {said} on labelled rows, reference {was}, {p_phrase(p_value)}."

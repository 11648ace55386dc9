"""What to do about a board: nothing, look, or retrain, and the evidence in numbers."""

from dataclasses import dataclass
from typing import Literal

from drift.monitor import Board
from drift.performance import Agreement, accuracy_p_value
from drift.policy import DriftPolicy
from drift.wording import p_phrase

Urgency = Literal["act", "look", "wait", "none"]
# How far accuracy must have fallen, beyond chance, before something is to be done.
INVESTIGATE, RETRAIN, EMERGENCY = 0.02, 0.05, 0.10


@dataclass(frozen=True)
class Advice:
    """What to do now, and why."""

    urgency: Urgency
    title: str
    evidence: str
    lost_accuracy: bool = False


def advice(board: Board, now: Agreement | None, before: Agreement | None, policy: DriftPolicy) -> Advice:
    """Say what to do about a board, with the evidence in numbers.

    Parameters
    ----------
    now, before : labelled rows of the window, and of the reference
    """
    if board.verdict == "insufficient":
        return Advice("wait", "Wait for more rows", "A verdict needs more data than this window holds.")
    if board.verdict == "error":
        return Advice("look", "Repair the check", "Some columns could not be compared; the table says why.")
    moved = [report for report in board.columns if report.verdict == "drift"]
    broken = [r.column for r in moved if r.missing_verdict == "drift" and r.missing_share > r.reference_missing_share]
    drop, accuracy = _accuracy(now, before, policy)
    if broken:
        named = ", ".join(broken[:3]) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
        return Advice("look", "Repair the data feed before retraining", f"Missing values rose in {named}. {accuracy}")
    if drop is None and moved:
        # Inputs that moved do not show that the model got worse: only labels do.
        return Advice("look", "Investigate: label a sample of the newest rows", accuracy)
    if drop is not None and drop >= INVESTIGATE:
        columns = f"Drift in {len(moved)} of {len(board.columns)} columns."
        said = columns if moved else "No column drifts, so what the labels mean may have changed."
        return Advice("act" if drop >= RETRAIN else "look", _title(drop), f"{accuracy} {said}", lost_accuracy=True)
    if moved:
        return Advice("look", "Look at the columns; retraining can wait", accuracy)
    return Advice("none", "Nothing to do", accuracy)


def _title(drop: float) -> str:
    if drop >= EMERGENCY:
        return "Retrain now"
    return "Retrain" if drop >= RETRAIN else "Investigate"


def _accuracy(now: Agreement | None, before: Agreement | None, policy: DriftPolicy) -> tuple[float | None, str]:
    """Return how far accuracy fell beyond chance (0: it did not; None: cannot be told), and the numbers in words."""
    if now is None or now.n < policy.min_sample:
        n = 0 if now is None else now.n
        what = "rows with a prediction and its label"
        return None, f"Accuracy cannot be told: {n:,} of {policy.min_sample:,} {what} in this window."
    said = f"{now.share:.1%} (n = {now.n:,})"
    if before is None or before.n < policy.min_sample:
        return None, f"Accuracy on labelled rows is {said}; the reference has no labels to compare with."
    p_value = accuracy_p_value(before, now)
    was = f"{before.share:.1%} (n = {before.n:,})"
    if p_value <= policy.alpha and now.share < before.share:
        return before.share - now.share, f"Accuracy fell from {was} to {said}, {p_phrase(p_value)}."
    if p_value <= policy.alpha:
        return 0.0, f"Accuracy on labelled rows rose from {was} to {said}, {p_phrase(p_value)}."
    # Not seen is not absent: with few labels, a real fall stays within chance.
    return 0.0, f"No fall of accuracy beyond chance: {said} on labelled rows, reference {was}, {p_phrase(p_value)}."

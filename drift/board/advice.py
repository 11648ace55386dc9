"""What to do about a board: nothing, watch, investigate, retrain or act at once, and the evidence in numbers."""

from dataclasses import dataclass, replace
from typing import Literal

from drift.board.findings import Findings, Guard, Guards
from drift.board.headline import far_columns
from drift.columns.report import ColumnReport
from drift.data.policy import Verdict
from drift.performance.agreement import accuracy_p_value, difference_interval
from drift.performance.report import Concept
from drift.performance.vocabulary import Vocabulary
from drift.wording import p_phrase

Urgency = Literal["act", "look", "wait", "none"]
Action = Literal["none", "monitor", "investigate", "retrain", "emergency"]
ALARMED = ("drift", "warning")
# How far accuracy must have fallen, beyond chance, before something is to be done.
INVESTIGATE, RETRAIN, EMERGENCY = 0.02, 0.05, 0.10
# So many values that no row of the reference had came with a new code list or a renaming, not with the world; from
# there on a retrain job refuses the rows too.
UNSEEN_BURST = 0.5
_NAMED = 3


@dataclass(frozen=True)
class Advice:
    """What to do now, and why.

    `action` is what the evidence asks for and `not_now` why it must wait, by the `guard` that holds. `lost_accuracy`
    says that an alarm of labels stands and that this window shows the loss.
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


def recommend(verdict: Verdict, board: Findings) -> Advice:
    """Say what to do about a board, with the evidence in numbers.

    A retrain is asked for where an alarm of accuracy stands and the window shows how much was lost: that alarm alone
    is counted over all looks of a life, so one look without it may say "look" and no more. Columns that moved do not
    show that the model got worse, and never start a retrain by themselves. A fault of the data feed comes before
    everything else; a retrain that is under way, or has just ended, changes what is left to do, and not what the
    evidence asks for.

    Parameters
    ----------
    verdict : what the columns and the alarms of labels lead to
    """
    if verdict == "insufficient":
        return Advice("wait", "Wait for more rows", "A verdict needs more data than this window holds.")
    return _beside_retrain(_by_evidence(verdict, board), board)


def accuracy_lost(board: Findings) -> str:
    """Return how far accuracy fell in this window, in numbers; nothing where it did not, or not far beyond chance."""
    drop, said = _accuracy(board)
    return said if drop is not None and drop >= INVESTIGATE else ""


def accuracy_alarm(board: Findings) -> Concept | None:
    """Return the alarm that predictions go wrong more often, where one stands."""
    concept = board.performance.concept if board.performance else None
    return concept if concept is not None and concept.verdict in ALARMED else None


def _by_evidence(verdict: Verdict, board: Findings) -> Advice:
    found, (drop, accuracy) = board.performance, _accuracy(board)
    if found is not None and found.vocabulary.is_fault:
        return _strange_names(found.vocabulary)
    if fault := _pipeline_fault(board):
        title = "Repair the data feed before retraining"
        held = "a model trained on a broken feed learns the fault"
        return Advice("look", title, f"{fault} {accuracy}", False, "investigate", held, "pipeline fault")
    if verdict == "error":
        said = "Some columns could not be compared; the table says why."
        return Advice("look", "Repair the check", said, action="investigate")
    moved = [report for report in board.columns if report.verdict == "drift"]
    if (alarm := accuracy_alarm(board)) is not None:
        return _held(_by_alarm(alarm, drop or 0.0, accuracy, _inputs(board, moved)), board.guards)
    if drop is not None and drop >= INVESTIGATE:
        no_order = "No alarm of accuracy stands, and one look alone is no reason to retrain."
        said = f"{accuracy} {no_order} {_inputs(board, moved)}"
        return Advice("look", "Look at the accuracy of this window", said, action="monitor")
    if drop is None:
        # Labels tell nothing where no prediction stands beside them.
        ask = "label a sample of the newest rows" if found or _logs_predictions(board) else "find out why inputs moved"
        return _answer_first(_without_labels(moved, accuracy, ask), board)
    if moved:
        return Advice("look", "Look at the columns; retraining can wait", accuracy, action="monitor")
    return _answer_first(Advice("none", "Nothing to do", accuracy), board)


def _strange_names(words: Vocabulary) -> Advice:
    """Name what is to be repaired: a retrain would learn the new names, or nothing."""
    evidence = f"{words.sentence} Right and wrong cannot be told from names that differ."
    held = "a model trained on names that differ learns the fault"
    title = f"Repair the feed of the {words.feed}"
    return Advice("look", title, evidence, False, "investigate", held, "pipeline fault")


def _answer_first(said: Advice, board: Findings) -> Advice:
    """Let nobody be told to do nothing while an alarm stands: it waits for an answer, however small the effect is."""
    labels = board.performance.label if board.performance else None
    sounds = any(report.alarm for report in board.columns) or (labels is not None and labels.is_alarm)
    if said.action != "none" or board.rule != "life" or not sounds:
        return said
    return replace(said, urgency="look", title="Answer the alarm; nothing else has to be done yet")


def _beside_retrain(said: Advice, board: Findings) -> Advice:
    """Say first what the model's retrain comes to, where one is under way or has just ended."""
    job, promoted, start = board.guards.under_way, board.guards.promoted, board.window.start
    if job is not None:
        title = f"Job {job.job} {'waits for your decision' if job.waits else 'is retraining the model'}"
        evidence = f"It was asked for by {job.requested_by}. {said.evidence}"
        return replace(said, urgency="act" if job.waits else "wait", title=title, evidence=evidence)
    if promoted is None or start is None or promoted.at < start:
        return said
    held = "This window still holds rows that were answered before that: judge the new version by newer ones."
    title = f"{promoted.version} serves since {promoted.at:%Y-%m-%d %H:%M} UTC"
    return replace(said, urgency="wait", title=title, evidence=f"{held} {said.evidence}")


def _inputs(board: Findings, moved: list[ColumnReport]) -> str:
    """Say what the columns show beside a loss of accuracy; an answered alarm leaves them where they are."""
    if moved:
        return f"Drift in {len(moved)} of {len(board.columns)} columns."
    if far := far_columns(board.columns, board.policy):
        return f"No alarm stands, but far from the reference: {_named([report.column for report in far])}."
    return "No column drifts, so what the labels mean may have changed."


def _by_alarm(alarm: Concept, drop: float, accuracy: str, inputs: str) -> Advice:
    """Say what an alarm of accuracy asks for, by what the window shows; an amber one orders nothing."""
    if alarm.is_back:
        return Advice("look", "Answer the alarm: accuracy is back to normal", alarm.said, action="monitor")
    if drop < INVESTIGATE:
        said = f"{alarm.said} In this window: {accuracy}"
        return Advice("look", "Investigate: predictions go wrong more often", said, True, "investigate")
    evidence = f"{accuracy} {inputs}"
    if alarm.verdict != "drift" or drop < RETRAIN:
        return Advice("look", "Investigate", evidence, True, "investigate")
    if drop < EMERGENCY:
        return Advice("act", "Retrain", evidence, True, "retrain")
    return Advice("act", "Retrain now", evidence, True, "emergency")


def _held(said: Advice, guards: Guards) -> Advice:
    """Put off a retrain that a guard forbids, with the reason."""
    held = guards.hold() if said.action in ("retrain", "emergency") else None
    if held is None:
        return said
    guard, why = held
    title = f"{said.title}, but not yet" if said.action == "retrain" else "Retrain as soon as it may"
    evidence = f"{said.evidence} Not now: {why}."
    return replace(said, urgency="wait", title=title, evidence=evidence, not_now=why, guard=guard)


def _without_labels(moved: list[ColumnReport], accuracy: str, ask: str) -> Advice:
    """Judge by the inputs alone: what moved may cost accuracy or not, and only labels can tell."""
    if not moved:
        return Advice("none", "Nothing to do", accuracy)
    said = f"Inputs that moved do not show that the model got worse. {accuracy}"
    return Advice("look", f"Investigate: {ask}", said, action="investigate")


def _pipeline_fault(board: Findings) -> str:
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


def _logs_predictions(board: Findings) -> bool:
    return any(report.role == "prediction" for report in board.columns)


def _accuracy(board: Findings) -> tuple[float | None, str]:
    """Return how far accuracy fell beyond chance (0: it did not; None: cannot be told), and the numbers in words."""
    found, policy = board.performance, board.policy
    if found is None and not _logs_predictions(board):
        return None, "Accuracy cannot be told: no predictions are logged."
    if found is None and any(report.role == "prediction" and report.kind == "numeric" for report in board.columns):
        return None, "Accuracy cannot be told: predictions are numbers, and how far numbers are off is not watched."
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

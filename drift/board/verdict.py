"""What a board comes to, concluded in one place: every front end shows these words and finds none of its own."""

from dataclasses import dataclass
from typing import Any

from drift.board.advice import Advice, accuracy_alarm, accuracy_lost, recommend
from drift.board.findings import Findings
from drift.board.headline import board_verdict, headline
from drift.data.policy import WORST_FIRST, Verdict


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What a board comes to: how bad it is, what happened in one sentence, and what to do about it.

    Whatever else people and machines are to be told of a board belongs here, and into `lines` and `conclusion_json`:
    pages, answers, messages and terminals then have it at once.
    """

    verdict: Verdict
    sentence: str
    advice: Advice

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything in words, what happened first and what to do last."""
        return self.sentence, f"{self.advice.title}. {self.advice.evidence}"


def conclusion_json(found: Conclusion) -> dict[str, Any]:
    """Return what machines are told; all of them the same."""
    said = found.advice
    advice = {"urgency": said.urgency, "action": said.action, "title": said.title, "evidence": said.evidence}
    held = {"guard": said.guard or None, "not_now": said.not_now or None}
    return {"verdict": found.verdict, "sentence": found.sentence, "advice": advice | held}


def conclude(board: Findings) -> Conclusion:
    """Conclude from everything that one look at a window found.

    Columns speak first: their alarms, or at one look their adjusted p-values. Alarms of labels come before them, for
    wrong predictions are what costs. Accuracy that this window alone shows to have fallen is told, and colours nothing:
    nobody counts such looks. The advice is about all of it.
    """
    said = _by_columns(board)
    for weigh in (_with_concept, _with_label, _with_vocabulary):
        said = weigh(*said, board)
    verdict, sentence = _with_accuracy(*said, board)
    return Conclusion(verdict=verdict, sentence=sentence, advice=recommend(said[0], board))


def _by_columns(board: Findings) -> tuple[Verdict, str]:
    if board.why_not:
        return "insufficient", f"Not enough data: {board.why_not}."
    return board_verdict(board.columns), headline(board.columns, board.n, board.policy)


def _with_concept(verdict: Verdict, sentence: str, board: Findings) -> tuple[Verdict, str]:
    """Put first that predictions go wrong: concept drift where the scores did not expect it and no input drifts."""
    concept = accuracy_alarm(board)
    # At one look, of this window and the one before it, alarms are not asked.
    if concept is None or board.rule == "one look":
        return verdict, sentence
    said = concept.said
    if verdict == "insufficient" or (verdict == "drift" and concept.verdict == "warning"):
        return verdict, f"{sentence} {said}"
    if concept.verdict == "warning":
        return "warning", f"Warning: {_uncapitalised(said)}" if verdict == "stable" else f"{sentence} {said}"
    moved = any(report.role == "feature" and report.verdict == "drift" for report in board.columns)
    named = f"Concept drift: {_uncapitalised(said)}" if concept.cause == "relation" and not moved else said
    return "drift", named if verdict == "stable" else f"{named} {sentence}"


def _with_label(verdict: Verdict, sentence: str, board: Findings) -> tuple[Verdict, str]:
    """Add the alarm of the true classes: their shares are not those of the reference."""
    label = board.performance.label if board.performance else None
    if label is None or not label.is_alarm or _strange(board) or board.rule == "one look" or verdict == "insufficient":
        return verdict, sentence
    kind = "Warning" if label.verdict == "warning" else "Label drift"
    named = f"{kind}: true classes: {label.said}"
    worst = min(verdict, label.verdict, key=WORST_FIRST.index)
    return worst, named if verdict == "stable" else f"{sentence} {named}"


def _strange(board: Findings) -> str:
    """Say which names labels and predictions do not share, where that is a fault of their feed."""
    words = board.performance.vocabulary if board.performance else None
    return words.sentence if words is not None and words.is_fault else ""


def _with_vocabulary(verdict: Verdict, sentence: str, board: Findings) -> tuple[Verdict, str]:
    """Put first that labels and predictions use different names: nothing else that labels say can be believed."""
    said = _strange(board)
    if not said:
        return verdict, sentence
    if verdict == "insufficient":
        return verdict, f"{sentence} {said}"
    return ("warning", f"Warning: {_uncapitalised(said)}") if verdict == "stable" else (verdict, f"{said} {sentence}")


def _with_accuracy(verdict: Verdict, sentence: str, board: Findings) -> tuple[Verdict, str]:
    """Add the accuracy that this window lost, where no alarm has told of it: amber beside one that stands."""
    alarm, lost = accuracy_alarm(board), accuracy_lost(board)
    if not lost or verdict not in ("stable", "warning") or (alarm is not None and board.rule == "life"):
        return verdict, sentence
    if alarm is None:
        return verdict, f"{sentence} Look at the accuracy of this window: {_uncapitalised(lost)}"
    return "warning", f"Warning: {_uncapitalised(lost)}" if verdict == "stable" else f"{sentence} {lost}"


def _uncapitalised(said: str) -> str:
    return said[:1].lower() + said[1:]

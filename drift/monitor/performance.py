"""How well a model performs in a window: read from the log, held against its reference, told to the board."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from drift.board.advice import ALARMED
from drift.board.result import Board
from drift.columns.by_values import compare
from drift.data.policy import DriftPolicy, Verdict
from drift.data.samples import CategoricalSample, reference_from
from drift.data.windows import LastRows, Window, WindowExtent
from drift.life.evidence import Evidence, Watch
from drift.life.intake import resume
from drift.life.ledger import AlarmRecord, Kept
from drift.life.rule import RULE
from drift.monitor.boards import check
from drift.monitor.labels import KnownReference, follow_labels, known_reference, outcome_columns, outcome_samples
from drift.monitor.references import PreparedReference
from drift.monitor.source import Source, extent_of, monitored
from drift.monitor.watch import Watching
from drift.performance.agreement import Agreement, counted_agreement, delay_of, difference_interval
from drift.performance.concept import ACCURACY, LABEL, labelled_only
from drift.performance.expected import Expected, expected_accuracy
from drift.performance.report import (
    Concept,
    LabelDrift,
    PerformanceReport,
    accuracy_doubtful,
    accuracy_fell,
    accuracy_returned,
    is_back,
    why_it_fell,
)
from drift.performance.vocabulary import Vocabulary, names_of, vocabulary
from drift.wording import p_phrase

# Label delays are told from so many labelled rows at most, the newest.
MAX_DELAYS = 10_000
# Scores say nothing of rows that are unlike all of the reference: where so many of a column's are, nothing is promised.
UNLIKE = 0.5
# How far accuracy must have fallen for an alarm to be red.
MIN_DROP = 0.02


def check_performance(
    source: Source, model: str, window: Window, reference: str | PreparedReference | None, policy: DriftPolicy
) -> Board:
    """Compare a window with a reference, columns and labels alike.

    Like `drift.monitor.check`, but the board also says how well the model performs, and its conclusion takes
    concept drift into account.
    """
    board = check(source, model, window, reference, policy)
    return judged(board, performance_report(source, model, window, board.reference, policy))


def judged(board: Board, found: PerformanceReport | None) -> Board:
    """Return the board with what labels say: an alarm that predictions go wrong, with what the scores make of it."""
    if found is None:
        return board
    if found.expected is not None and (unlike := _unlike(board)):
        withheld = f"the scores cannot be believed where inputs are unlike the reference ({', '.join(unlike[:3])})"
        found = replace(found, expected=None, withheld=withheld)
    concept = found.concept
    columns = tuple(record for record in board.alarms if record.stream not in (ACCURACY, LABEL))
    if concept is not None and concept.verdict in ALARMED:
        moved = [r.column for r in board.columns if r.role == "feature" and r.verdict == "drift"]
        why = why_it_fell(found, moved)
        said = _sentence(f"{concept.said}; {why}" if why else concept.said)
        found = replace(found, concept=replace(concept, said=said))
    return replace(board, alarms=(*columns, *found.alarms), performance=found)


def _unlike(board: Board) -> list[str]:
    """Return the features most of whose values lie where the reference has none."""
    return [
        report.column
        for report in board.columns
        if report.role == "feature"
        and report.verdict in ALARMED
        and report.unseen_share + report.out_of_range_share >= UNLIKE
    ]


def _sentence(said: str) -> str:
    return f"{said[0].upper()}{said[1:]}."


def performance_report(
    source: Source, model: str, window: Window, reference: str | None, policy: DriftPolicy
) -> PerformanceReport | None:
    """Return what the labels and scores of a window say; None for a model that does not predict and learn classes.

    Parameters
    ----------
    reference : name of a frozen one
        "previous" or None: the champion's, for accuracy is that of a model and not of the window before.
    """
    columns = outcome_columns(source, model)
    if columns is None:
        return None
    prediction, label, score = outcome_samples(source.read_window(model, window, columns))
    delay = delay_of(source.read_delays(model, window, MAX_DELAYS))
    known = known_reference(source, model, reference, columns)
    words = vocabulary(names_of(prediction, label), known.names if known else None)
    # Of two vocabularies that share nothing no row is right, and none is wrong either.
    now = Agreement(0, 0, len(label)) if words.is_disjoint else counted_agreement(prediction, label)
    if known is None:
        return PerformanceReport(now=now, delay=delay, vocabulary=words, why_not="no reference is frozen yet")
    labels = _Labels(source, model, known, extent_of(source, model, window), policy, words)
    found = PerformanceReport(
        now=now,
        reference=known.agreement,
        expected=_expected(known, prediction, score),
        expected_labelled=_expected(
            known, prediction, None if score is None else np.where(label.codes < 0, np.nan, score)
        ),
        why_not=known.why_not,
        delay=delay,
        label=labels.label(label),
        vocabulary=words,
    )
    return replace(found, concept=labels.concept(found), alarms=labels.alarms)


def _expected(known: KnownReference, prediction: CategoricalSample, score: np.ndarray | None) -> Expected | None:
    if known.calibration is None or score is None:
        return None
    return expected_accuracy(known.calibration, prediction, score)


class _Labels:
    """The label streams of a model since a reference, and what they say of one window."""

    def __init__(
        self,
        source: Source,
        model: str,
        known: KnownReference,
        extent: WindowExtent,
        policy: DriftPolicy,
        words: Vocabulary,
    ) -> None:
        self.known, self.policy, self.extent, self.words = known, policy, extent, words
        self.watches: dict[str, Watch] = {}
        self.kept: Kept | None = None
        newest = extent_of(source, model, LastRows(1)).end
        self.is_newest = extent.end is not None and newest is not None and extent.end >= newest
        self.is_after = extent.end is not None and extent.end > known.end
        # Evidence is kept by name: a column of that name would be taken for the stream.
        self.is_taken = any(column.name == ACCURACY for column in monitored(source, model))
        if self.is_after and not self.is_taken and known.agreement.n >= policy.min_sample:
            self.kept, self.watches = follow_labels(source, model, known)

    @property
    def alarms(self) -> tuple[AlarmRecord, ...]:
        """The alarms of label streams that had sounded by the end of the window."""
        records = self.kept.alarms if self.kept else ()
        end = self._end
        # Names that no prediction has are wrong by spelling alone: accuracy did not fall.
        streams = (LABEL,) if self.words.is_fault else (ACCURACY, LABEL)
        return tuple(record for record in records if record.stream in streams and record.mark.at < end)

    def concept(self, found: PerformanceReport) -> Concept:
        """Say whether predictions go wrong more often, and whether the scores expected it."""
        if why := (self.words.sentence if self.words.is_fault else self._why_not()):
            return Concept("insufficient", why)
        evidence, record = self._standing(ACCURACY)
        counts = evidence.window.sum(axis=0)
        recent = Agreement(int(counts[0]), int(counts[:2].sum()), int(counts[:2].sum()))
        standing: dict[str, Any] = {"n": evidence.n, "recent": recent}
        if self.is_newest:
            standing["betting_score"] = evidence.score
        if record is None:
            said = f"No sign of concept drift in the {evidence.n:,} labels that came since the reference."
            if not self.is_newest:
                said = "No sign of concept drift in the labels that had come by the end of this window."
            return Concept("stable", said, **standing)
        enough = found.now.n >= self.policy.min_sample
        told = found.now if enough or not self.is_newest else recent
        before = self.known.agreement
        drop = before.share - told.share if told.n >= self.policy.min_sample else 0.0
        cause = found.cause if enough else "unknown"
        standing |= {"alarm": record.alarm, "since": record.onset_at}
        verdict, level = self._verdict(record, drop, MIN_DROP), 1 - self.policy.alpha
        if is_back(before, told, level):
            said = accuracy_returned(record.onset_at, before, told, self.extent.start if told is found.now else None)
            return Concept("warning", said, **standing, is_back=True)
        if told.n and difference_interval(before, told, level)[1] >= 0:
            return Concept(verdict, accuracy_doubtful(record.onset_at, before, told), **standing)
        return Concept(verdict, accuracy_fell(record.onset_at, before, told), cause, **standing)

    def label(self, labels: CategoricalSample) -> LabelDrift:
        """Say whether the true classes have other shares than in the reference."""
        present = labelled_only(labels)
        n = present.codes.size
        record = None if self._why_not() else self._standing(LABEL)[1]
        if self.known.labels.codes.size < self.policy.min_sample or n < self.policy.min_sample:
            said = f"{n:,} of {self.policy.min_sample:,} labelled rows."
            if record is None:
                return LabelDrift("insufficient", said, n)
            # However few labels the window has: an alarm stays until a person answers it.
            return LabelDrift("warning", f"Alarm on {record.mark.at:%Y-%m-%d %H:%M %Z}. {said}", n, is_alarm=True)
        compared = compare(reference_from(self.known.labels), present, self.policy).values
        result, said = compared.result, compared.said
        if result is None:
            return LabelDrift("insufficient", said, n)
        if self._why_not():
            verdict = self.policy.verdict(result.p_value, result.effect_size)
        else:
            # Points of traffic cannot show what a rare class came to.
            is_rate = compared.table is not None and result.test == "chi2" and compared.table.rate is not None
            effect = max(result.effect_size, self.policy.min_effect) if is_rate else result.effect_size
            verdict = self._verdict(record, effect, self.policy.min_effect) if record else "stable"
        said = f"{said[0].upper()}{said[1:]}, {p_phrase(result.p_value)}."
        return LabelDrift(verdict, said, n, result.p_value, result.effect_size, record is not None)

    def _why_not(self) -> str:
        if self.is_taken:
            return f"A column is named {ACCURACY!r}, the name of this stream: log it under another name."
        if not self.is_after:
            empty = self.extent.n == 0
            return "This window holds no rows." if empty else "This window does not come after the reference."
        if self.kept is None:
            n = self.known.agreement.n
            return f"The reference holds {n:,} of {self.policy.min_sample:,} labelled predictions: freeze a newer one."
        if ACCURACY not in self.kept.progress:
            return f"Fewer than {RULE.stride} labels have come since the reference."
        return ""

    def _standing(self, stream: str) -> tuple[Evidence, AlarmRecord | None]:
        assert self.kept is not None
        return resume(self.watches[stream], self.kept, stream), Watching(self.kept).alarm(stream, self._end)

    @property
    def _end(self) -> datetime:
        """Until when labels may have come: those of the newest rows may be younger than any row."""
        ever = datetime.max.replace(tzinfo=UTC)
        return ever if self.is_newest or self.extent.end is None else self.extent.end

    def _verdict(self, record: AlarmRecord, effect: float, least: float) -> Verdict:
        snoozed = record.snoozed is not None and self.extent.end is not None and self.extent.end <= record.snoozed.until
        return "drift" if effect >= least and not snoozed else "warning"

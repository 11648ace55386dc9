"""The label streams of a model: what the labels of its reference say, and how far later ones have been watched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column
from drift.life.evidence import Watch
from drift.life.intake import follow
from drift.life.ledger import AcknowledgementKind, AlarmRecord, Kept
from drift.life.rule import RULE
from drift.monitor.label_feed import LabelFeed
from drift.monitor.references import prepare
from drift.monitor.source import Source, monitored
from drift.monitor.watch import acknowledge_stream, watch
from drift.performance.agreement import Agreement, counted_agreement, right_or_wrong
from drift.performance.calibration import Calibration, calibrate
from drift.performance.concept import ACCURACY, LABEL, concept_watch, label_watch, labelled_only

_MAX_KNOWN = 8


@dataclass(frozen=True, eq=False)
class KnownReference:
    """What the labels of a reference say, computed once: they never change.

    `calibration` is None for the reason `why_not`; `watches` are those of its labels, by stream.
    """

    name: str
    end: datetime
    agreement: Agreement
    labels: CategoricalSample
    calibration: Calibration | None
    why_not: str
    watches: Mapping[str, Watch]


def outcome_columns(source: Source, model: str) -> list[Column] | None:
    """Return the prediction, label and, if there is one, score of a model that predicts classes; None for others.

    Those others lack one of the two, or have it as a number; what kind a score has does not matter.
    """
    columns = {column.role: column for column in source.columns(model) if column.role != "feature"}
    if {"prediction", "label"} - {role for role, column in columns.items() if column.kind == "categorical"}:
        return None
    return [columns[role] for role in ("prediction", "label", "score") if role in columns]


def known_reference(
    source: Source, model: str, reference: str | None, columns: Sequence[Column]
) -> KnownReference | None:
    """Return what the labels of a reference, or else of the champion's, say; the source's memory keeps it.

    None where none is frozen.
    """
    named = next((record for record in source.references(model) if record.name == reference), None)
    record = named or source.default_reference(model)
    if record is None:
        return None
    key = (model, record.name, record.n, record.start, record.end, tuple(columns))
    if remembered := source.memory.recall(KnownReference, key):
        return remembered
    prediction, label, score = outcome_samples(source.read_reference(model, record.name, columns))
    # A score that is a category, such as "high", is logged all the same.
    why_not = "the model's score is no number" if any(c.role == "score" for c in columns) else "the model logs no score"
    known = _read(record.name, record.end, prediction, label, score, why_not)
    source.memory.keep(KnownReference, key, known, at_most=_MAX_KNOWN)
    return known


def _read(
    name: str,
    end: datetime,
    prediction: CategoricalSample,
    label: CategoricalSample,
    score: np.ndarray | None,
    why_no_score: str,
) -> KnownReference:
    counted = counted_agreement(prediction, label)
    calibration, why_not = None, why_no_score
    if score is not None:
        try:
            calibration, why_not = calibrate(prediction, score, label), ""
        except ValueError as error:
            why_not = str(error)
    watches = {ACCURACY: concept_watch(right_or_wrong(prediction, label), RULE), LABEL: label_watch(label, RULE)}
    return KnownReference(name, end, counted, labelled_only(label), calibration, why_not, watches)


def outcome_samples(samples: Mapping[str, Sample]) -> tuple[CategoricalSample, CategoricalSample, np.ndarray | None]:
    """Return predictions, labels and, if the model logs numbers as such, scores.

    Parameters
    ----------
    samples : by name of a column
        What `outcome_columns` names, row by row.

    Returns
    -------
    prediction, label : CategoricalSample
        Of n rows each, with categories of their own.
    score : float array, shape (n,), or None
        NaN is missing; None where no number is logged as a score.

    Raises
    ------
    ValueError
        If predictions or labels are no classes.
    """
    score = samples.get("score")
    scores = score.values if isinstance(score, NumericSample) else None
    return _classes(samples, "prediction"), _classes(samples, "label"), scores


def _classes(samples: Mapping[str, Sample], name: str) -> CategoricalSample:
    sample = samples.get(name)
    if not isinstance(sample, CategoricalSample):
        got = "no such column" if sample is None else "numbers"
        raise ValueError(f"{name} must hold classes where right and wrong are counted; got {got}.")
    return sample


def follow_labels(source: Source, model: str, known: KnownReference) -> tuple[Kept, dict[str, Watch]]:
    """Take in every complete bucket of labels that came since the reference; return what is known then, and how."""
    ledger = source.ledger(model, known.name)
    kept = ledger.read(states=True)
    if kept is None:  # nobody has watched the columns yet, who share the chance of a false alarm
        columns = monitored(source, model)
        kept = watch(source, model, prepare(source, model, known.name, columns), columns).kept
    watches = {name: replace(watch, n_columns=kept.n_streams) for name, watch in known.watches.items()}
    return follow(ledger, LabelFeed(source, model, known.name), watches, kept), watches


def acknowledge(
    source: Source,
    model: str,
    reference: str,
    stream: str,
    *,
    by: str,
    note: str = "",
    kind: AcknowledgementKind = "acknowledged",
) -> AlarmRecord:
    """Answer the alarm of a column, or that of the streams "accuracy" and "label" that labels feed.

    Raises
    ------
    ValueError
        If the stream has no alarm that is still open, or nobody says who they are.
    """
    watched = None
    columns = outcome_columns(source, model)
    if stream in (ACCURACY, LABEL) and columns is not None:
        known = known_reference(source, model, reference, columns)
        if known is not None and known.name == reference:
            watched = follow_labels(source, model, known)[1][stream]
    return acknowledge_stream(source, model, reference, stream, by=by, note=note, kind=kind, watched=watched)

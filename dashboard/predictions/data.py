"""What the page about predictions shows: reads that are cached under the model's revision."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import streamlit as st

from dashboard.reading import reads
from dashboard.reading.addresses import read_window
from drift.data.samples import CategoricalSample
from drift.data.windows import Column, Window
from drift.monitor.labels import KnownReference, known_reference, outcome_columns, outcome_samples
from drift.performance.agreement import Agreement, agreement
from drift.performance.calibration import Calibration
from drift.performance.confusion import Confusion, confusion, log_loss
from drift.performance.expected import Expected, expected_accuracy
from storage.reading.by_version import Answered, read_answered

# Scores between them are those of a model that is not sure.
_UNSURE = (0.2, 0.8)


@dataclass(frozen=True, eq=False)
class Point:
    """One window: what was predicted, what was true, and how well both agree.

    `predicted` and `true` are shares by class; NaN stands for scores that are not there, or no probabilities.
    """

    start: datetime | None
    end: datetime
    n: int
    predicted: dict[str, float]
    true: dict[str, float]
    mean_score: float
    unsure_share: float
    now: Agreement
    expected: Expected | None
    log_loss: float


@dataclass(frozen=True, eq=False)
class Predictions:
    """The newest windows up to the chosen one, which is the last; and its labelled rows by class."""

    points: tuple[Point, ...]
    confusion: Confusion
    reference: Agreement | None
    reference_log_loss: float


@st.cache_data(max_entries=16, show_spinner="Reading predictions and labels …")
def predictions(model: str, revision: int, window: str, reference: str | None) -> Predictions | None:
    """Return the windows up to this one; None for a model that does not predict classes, or has no label column."""
    columns = outcome_columns(reads.log(), model)
    if columns is None:
        return None
    known = known_reference(reads.log(), model, reference, columns)
    spans = reads.windows(model, revision, window)
    points = [point for span in spans if (point := _point(model, span, columns, known)) is not None]
    prediction, label, _ = outcome_samples(reads.log().read_window(model, read_window(window), columns))
    before, loss = None, float("nan")
    if known is not None:
        before = known.agreement
        loss = _log_loss(known, *outcome_samples(reads.log().read_reference(model, known.name, columns)))
    return Predictions(tuple(points), confusion(prediction, label), before, loss)


@st.cache_data(max_entries=16, show_spinner=False)
def versions(model: str, revision: int, window: str) -> tuple[Answered, ...]:
    """Return which versions answered the rows of a window, and how often each was right."""
    return read_answered(reads.log(), model, read_window(window))


def _point(model: str, span: Window, columns: list[Column], known: KnownReference | None) -> Point | None:
    extent = reads.log().extent(model, span)
    prediction, label, score = outcome_samples(reads.log().read_window(model, span, columns))
    now = agreement(prediction, label)
    if extent.end is None or now is None:
        return None
    there = np.empty(0) if score is None else score[~np.isnan(score)]
    is_probability = there.size > 0 and there.min() >= 0 and there.max() <= 1
    unsure = (there > _UNSURE[0]) & (there < _UNSURE[1])
    calibration = known.calibration if known else None
    return Point(
        start=extent.start,
        end=extent.end,
        n=extent.n,
        predicted=_shares(prediction),
        true=_shares(label),
        mean_score=float(there.mean()) if there.size else float("nan"),
        unsure_share=float(unsure.mean()) if is_probability else float("nan"),
        now=now,
        expected=_expected(calibration, prediction, score),
        log_loss=float("nan") if known is None else _log_loss(known, prediction, label, score),
    )


def _expected(
    calibration: Calibration | None, prediction: CategoricalSample, score: np.ndarray | None
) -> Expected | None:
    return None if calibration is None or score is None else expected_accuracy(calibration, prediction, score)


def _log_loss(
    known: KnownReference, prediction: CategoricalSample, label: CategoricalSample, score: np.ndarray | None
) -> float:
    """Return the log loss of two classes; what the score means was learned from the reference."""
    positive = known.calibration.positive if known.calibration else None
    if score is None or positive is None:
        return float("nan")
    there = (label.codes >= 0) & (prediction.codes >= 0) & ~np.isnan(score)
    happened = np.array(label.categories, object)[label.codes[there]] == positive
    return log_loss(np.where(happened, score[there], 1 - score[there]))


def _shares(sample: CategoricalSample) -> dict[str, float]:
    counts = sample.counts()
    total = int(counts.sum())
    return {name: int(n) / total for name, n in zip(sample.categories, counts, strict=True) if n} if total else {}

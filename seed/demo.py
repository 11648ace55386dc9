"""A log to look at: simulated reviews, a model really trained on the first of them, and what it said of the others."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from drift.text import TEXT_FEATURES, text_features
from drift.windows import Column
from retrain import artifacts, recipes
from retrain.models import FittedModel
from seed.scenarios import CLASSES, SCENARIOS, Shape, drift_progress, request_times, simulate
from storage import PredictionLog, registry, runs
from storage.runs import Run
from storage.settings import Settings

COLUMNS = (
    *(Column(name, "numeric") for name in TEXT_FEATURES),
    *(Column(name, "categorical") for name in ("channel", "region", "device")),
    Column("price", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
SPAN = timedelta(days=60)
TRAINING = timedelta(days=21)
REFERENCE = timedelta(days=14)
DRIFT = timedelta(days=10)
REFERENCE_NAME = "training"
MIN_ROWS, MAX_ROWS = 1_000, 1_000_000
# More would not make the model better.
_MAX_TRAINING_ROWS = 10_000
# With three, the models of the folds know so much less that their scores drift from those of the served one.
_N_FOLDS = 5
_BATCH_ROWS = 2_000
_BY = "seed"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to build; `end` is the present of the log (default: when the building begins)."""

    model: str = "reviews"
    scenario: str = "vocabulary"
    rows: int = 12_000
    seed: int = 7
    shape: Shape = "sudden"
    strength: float = 1.0
    end: datetime | None = None
    source: str = "demo"

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"scenario must be one of {', '.join(SCENARIOS)}; got {self.scenario!r}.")
        if not MIN_ROWS <= self.rows <= MAX_ROWS:
            raise ValueError(f"rows must be between {MIN_ROWS:,} and {MAX_ROWS:,}; got {self.rows:,}.")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}.")
        if self.shape not in get_args(Shape):
            raise ValueError(f"shape must be sudden or gradual; got {self.shape!r}.")
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be above 0 and at most 1; got {self.strength}.")
        if self.end is not None and self.end.tzinfo is None:
            raise ValueError(f"end must carry a time zone, such as +00:00; got {self.end}.")

    @property
    def fingerprint(self) -> str:
        """What two equal plans have in common."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


DEMO = Plan()


@dataclass(frozen=True)
class Outcome:
    """What became of a plan, and the sentence that says so."""

    state: Literal["built", "exists", "busy"]
    sentence: str


def build_demo(
    log: PredictionLog, settings: Settings, plan: Plan = DEMO, progress: Progress = lambda n_done, n_rows: None
) -> Outcome:
    """Fill a model's log as planned, once: train its model, log its answers, freeze its reference.

    The model is fitted on the labelled rows of the first three weeks. What it says of rows that it was fitted on
    would look too confident, so the answers logged for these weeks come from models that were fitted without the row
    in question (they carry no version), and the reference is frozen on the two weeks that follow. The scenario takes
    the last ten of the sixty days.

    An interrupted run, however rudely, goes on with the same rows where its last transaction ended.

    Raises
    ------
    ValueError
        If the model has rows that are not of this plan.
    """
    if runs.find_done(log.engine, plan.fingerprint) is not None:
        return Outcome("exists", f"Model {plan.model!r} is as planned already; nothing was changed.")
    with _only_one(settings.artifacts, f"{log.engine.url}/{plan.model}") as alone:
        if not alone:
            return Outcome("busy", f"Another process is building model {plan.model!r}; nothing was done here.")
        if runs.find_done(log.engine, plan.fingerprint) is not None:  # while this process came here
            return Outcome("exists", f"Model {plan.model!r} is as planned already; nothing was changed.")
        run = runs.begin(log.engine, plan.model, plan.source, plan.rows, plan.fingerprint)
        try:
            _refuse_foreign_rows(log, plan, run)
            _build(log, settings, plan, run, progress)
        except BaseException as error:
            runs.finish(
                log.engine, run.id, "stopped", f"stopped: {' '.join(str(error).split()) or type(error).__name__}"
            )
            raise
        runs.finish(log.engine, run.id)
    return Outcome("built", f"Model {plan.model!r}: {plan.rows:,} rows, scenario {plan.scenario}.")


def planned_rows(plan: Plan, end: datetime) -> pd.DataFrame:
    """Return the requests of a plan whose present is `end`, in time order; no model has answered them yet."""
    rng = np.random.default_rng(plan.seed)
    times = request_times(rng, plan.rows, end - SPAN, end)
    drift = plan.strength * drift_progress(times, end - DRIFT, plan.shape)
    frame = simulate(rng, SCENARIOS[plan.scenario], times, drift, end)
    frame["request_id"] = [f"{plan.model}-{plan.seed}-{k:06}" for k in range(plan.rows)]
    return frame


@dataclass(frozen=True)
class Trained:
    """A model, how often it was right on rows that it was fitted without, and until when its labels had come."""

    model: FittedModel
    accuracy: float
    n: int
    data_end: datetime


def answer(frame: pd.DataFrame, trained_at: datetime, seed: int) -> Trained:
    """Fit the model on the labels that had come by `trained_at`, and add its answers and features to the frame."""
    early = (frame["predicted_at"] < trained_at).to_numpy()
    known = early & (frame["labelled_at"] < trained_at).to_numpy(bool, na_value=False)
    known &= known.cumsum() <= _MAX_TRAINING_ROWS
    model = _fit(frame[known], seed)
    parts = [_answers(model, frame[~early])]
    fold = np.arange(len(frame)) % _N_FOLDS
    for k in range(_N_FOLDS):
        parts.append(_answers(_fit(frame[known & (fold != k)], seed), frame[early & (fold == k)]))
    answers = pd.concat(parts)
    for name in answers:
        frame[name] = answers[name]  # by index
    right = (frame["prediction"] == frame["label"])[known]
    return Trained(model, float(right.mean()), int(known.sum()), trained_at)


def _fit(rows: pd.DataFrame, seed: int) -> FittedModel:
    return recipes.fit("text", rows, rows["label"].tolist(), COLUMNS, seed)


def _answers(model: FittedModel, rows: pd.DataFrame) -> pd.DataFrame:
    said = model.predict(rows)
    features = text_features(rows["text"].tolist(), model.vocabulary)
    return pd.DataFrame({"prediction": said.labels, "score": said.scores, **features}, index=rows.index)


def _build(log: PredictionLog, settings: Settings, plan: Plan, run: Run, progress: Progress) -> None:
    # A run that was taken up again must see the same present as before.
    end = (plan.end or run.started_at).astimezone(UTC)
    runs.say(log.engine, run.id, "writing reviews and training the model")
    frame = planned_rows(plan, end)
    trained = answer(frame, end - SPAN + TRAINING, plan.seed)
    log.register(plan.model, COLUMNS)
    version = _register_once(log, settings, plan, run, trained)
    served = frame["predicted_at"] >= trained.data_end
    frame["version"] = served.map({True: version, False: None})
    frame["variant"] = served.map({True: "champion", False: None})
    runs.say(log.engine, run.id, "logging what the model said")
    rows = frame.drop(columns="sentiment")
    for first in range(run.n_done, plan.rows, _BATCH_ROWS):
        progress(first, plan.rows)
        log.append(plan.model, rows.iloc[first : first + _BATCH_ROWS], run=replace(run, n_done=first))
    if REFERENCE_NAME not in {reference.name for reference in log.references(plan.model)}:
        log.freeze_reference(plan.model, REFERENCE_NAME, trained.data_end, trained.data_end + REFERENCE)
    progress(plan.rows, plan.rows)


def _register_once(log: PredictionLog, settings: Settings, plan: Plan, run: Run, trained: Trained) -> str:
    champion = registry.alias(log, plan.model, "champion")
    if champion is not None:  # by this run, before it was interrupted
        return champion
    name = f"{plan.model}-{plan.fingerprint[:8]}-{run.started_at:%Y%m%d-%H%M%S}"
    artifact = artifacts.save(trained.model, settings.artifacts, name)
    return registry.register_version(
        log,
        plan.model,
        uri=artifact.uri,
        sha256=artifact.sha256,
        created_by=_BY,
        params={
            "recipe": "text",
            "features": list(trained.model.columns),
            "classes": list(CLASSES),
            "data_end": trained.data_end.isoformat(),
        },
        metrics={"accuracy": trained.accuracy, "n": trained.n},
        champion=True,
    )


def _refuse_foreign_rows(log: PredictionLog, plan: Plan, run: Run) -> None:
    if run.n_done or plan.model not in log.models():
        return
    if n := log.n_rows(plan.model):
        raise ValueError(f"model must be a new one; {plan.model!r} holds {n:,} other rows. Choose another by --model.")


@contextmanager
def _only_one(folder: Path, what: str) -> Iterator[bool]:
    """Tell whether no other process is in this block; a process that dies has left it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".building-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    # SQLite's lock on a file of its own: every platform has it, and it dies with its process.
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            yield False
        else:
            yield True
    finally:
        connection.close()

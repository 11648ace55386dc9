"""The past of a simulated log: a model trained on its first rows, what it said of the others, a frozen reference."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from drift.data.windows import Column
from drift.text.features import TEXT_FEATURES, text_features
from retrain.models import artifacts, recipes
from retrain.models.fitted import FittedModel
from seed.scenarios import CLASSES
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.runs import Run
from storage.models import registration, registry

COLUMNS = (
    *(Column(name, "numeric") for name in TEXT_FEATURES),
    *(Column(name, "categorical") for name in ("channel", "region", "device")),
    Column("price", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
REFERENCE_NAME = "training"
# More would not make the model better.
_MAX_TRAINING_ROWS = 10_000
# With three, the models of the folds know so much less that their scores drift from those of the served one.
_N_FOLDS = 5
_BATCH_ROWS = 2_000
_BY = "seed"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class History:
    """Requests in time order that no model has answered yet, and what is to become of them.

    The model learns from the labels that had come by `trained_at`; the reference are the rows from then until
    `reference_end`. `mark` tells its file from those of other plans.
    """

    requests: pd.DataFrame
    trained_at: datetime
    reference_end: datetime
    seed: int
    mark: str


def write_history(log: PredictionLog, settings: Settings, history: History, run: Run, progress: Progress) -> None:
    """Train the model, log what it says, and freeze the reference; go on where the run stood."""
    frame = history.requests
    trained = answer(frame, history.trained_at, history.seed)
    log.register(run.model, COLUMNS)
    version = _register_once(log, settings, history, run, trained)
    served = frame["predicted_at"] >= trained.data_end
    frame["version"] = served.map({True: version, False: None})
    frame["variant"] = served.map({True: "champion", False: None})
    runs.say(log, run.id, "logging what the model said")
    rows, n_rows = frame.drop(columns="sentiment"), len(frame)
    for first in range(run.n_done, n_rows, _BATCH_ROWS):
        progress(first, n_rows)
        log.append(run.model, rows.iloc[first : first + _BATCH_ROWS], run=replace(run, n_done=first))
    if REFERENCE_NAME not in {reference.name for reference in log.references(run.model)}:
        log.freeze_reference(run.model, REFERENCE_NAME, trained.data_end, history.reference_end)
    progress(n_rows, n_rows)


@dataclass(frozen=True)
class Trained:
    """A model, how often it was right on rows that it was fitted without, and until when its labels had come."""

    model: FittedModel
    accuracy: float
    n: int
    data_end: datetime


def answer(frame: pd.DataFrame, trained_at: datetime, seed: int) -> Trained:
    """Fit the model on the labels that had come by `trained_at`, and add its answers and features to the frame.

    Parameters
    ----------
    frame : DataFrame of requests in time order, with `predicted_at`, `text`, `label` and `labelled_at`
        It gets the columns `prediction`, `score` and one per feature of the text.
    trained_at : instant from which on the model answers; earlier rows are answered by models fitted without them

    Returns
    -------
    Trained
        The model, and its accuracy (0 to 1) on the rows it was trained on, each answered by one fitted without it.
    """
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


def _register_once(log: PredictionLog, settings: Settings, history: History, run: Run, trained: Trained) -> str:
    champion = registry.read_alias(log, run.model, "champion")
    if champion is not None:  # by this run, before it was interrupted
        return champion
    name = f"{run.model}-{history.mark}-{run.started_at:%Y%m%d-%H%M%S}"
    artifact = artifacts.save(trained.model, settings.artifacts, name)
    return registration.register_version(
        log,
        run.model,
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


def refuse_foreign_rows(log: PredictionLog, run: Run) -> None:
    """Leave a model alone that holds rows of others.

    Raises
    ------
    ValueError
        If the run has written nothing yet and its model holds rows.
    """
    if run.n_done or run.model not in log.models():
        return
    if n := log.n_rows(run.model):
        raise ValueError(f"model must be a new one; {run.model!r} holds {n:,} other rows. Choose another by --model.")


@contextmanager
def only_one(folder: Path, what: str) -> Iterator[bool]:
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

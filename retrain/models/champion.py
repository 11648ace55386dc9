"""The model that serves: what it was trained by, and what it says about rows."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from retrain.judging.evaluation import Judged
from retrain.models import artifacts
from retrain.models.fitted import FittedModel, answers_from
from storage.checking.cells import category_text
from storage.log import PredictionLog
from storage.models import registry
from storage.models.registry import Version

_MOSTLY = 0.9


def champion_version(log: PredictionLog, model: str) -> Version | None:
    """Return the version that serves; None where only predictions were imported."""
    name = registry.read_alias(log, model, "champion")
    return registry.read_version(log, model, name) if name else None


def recipe_of(champion: Version | None, log: PredictionLog, model: str) -> str:
    """Return how the champion was trained; without a record, what fits the columns of the model."""
    recorded = ((champion.params if champion else None) or {}).get("recipe")
    has_features = any(column.role == "feature" for column in log.columns(model))
    return str(recorded or ("tabular" if has_features else "text"))


def features_of(champion: Version | None) -> list[str]:
    """Return the columns that the champion reads."""
    return list(((champion.params if champion else None) or {}).get("features") or [])


def data_end_of(champion: Version | None) -> datetime | None:
    """Return the end of the data that the champion was trained on, if it is known."""
    recorded = ((champion.params if champion else None) or {}).get("data_end")
    return datetime.fromisoformat(recorded) if recorded else None


def judgeable(champion: Version | None, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the champion can be judged on: those it was not trained on, or whose answers were logged.

    Parameters
    ----------
    champion : the version that serves; None, or one without a file, stands for imported predictions
    rows : n labelled rows, with `predicted_at` and, where there are answers, `prediction`

    Returns
    -------
    pandas.DataFrame
        At most n rows, in the same order and under their index; all of them where the end of the training is unknown.
    """
    if champion is not None and champion.uri is not None:
        end = data_end_of(champion)
        return rows if end is None else rows[rows["predicted_at"] >= end]
    # A row that it never answered is no mistake of the champion's.
    return rows[rows["prediction"].notna()] if "prediction" in rows else rows.iloc[:0]


def judge_champion(folder: Path, champion: Version | None, rows: pd.DataFrame) -> Judged:
    """Return what the champion says about rows: by its file, or by its logged predictions where it has none.

    Parameters
    ----------
    folder : where the model files are
    champion : the version that serves; None, or one without a file, stands for imported predictions
    rows : n labelled rows, in the second case with `prediction`

    Returns
    -------
    Judged
        n classes; probabilities of shape (n, 2) only where a logged `score` is surely that of the second class.

    Raises
    ------
    retrain.models.artifacts.RefusedArtifact
        If the file is not what was registered.
    """
    if champion is not None and champion.uri is not None:
        model = artifacts.load(folder, champion.uri, champion.sha256 or "")
        return judged(model, rows)
    predicted = [category_text(value) for value in rows["prediction"]]
    classes = tuple(sorted({*rows["label"], *(name for name in predicted if name is not None)}))
    if len(classes) != 2 or "score" not in rows or not rows["score"].between(0, 1).all():
        return Judged(predicted)
    score = rows["score"].to_numpy()
    # The score may be of the other class, or of the predicted one: then it is no probability of classes[1].
    if ((score >= 0.5) == (np.array(predicted, object) == classes[1])).mean() < _MOSTLY:
        return Judged(predicted)
    return Judged(predicted, pd.DataFrame({0: 1 - score, 1: score}).to_numpy(), classes)


def judged(model: FittedModel, rows: pd.DataFrame) -> Judged:
    """Return what a model says about rows.

    Parameters
    ----------
    model : the model
    rows : n rows that hold the columns that it reads

    Returns
    -------
    Judged
        n classes, and their probabilities, shape (n, n_classes).

    Raises
    ------
    ValueError
        If a column that the model reads is absent.
    """
    probabilities = model.probabilities(rows)
    return Judged(answers_from(probabilities, model.classes).labels, probabilities, model.classes)

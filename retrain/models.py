"""A fitted model as the product uses it: rows in, classes and scores out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Answers:
    """What a model says about rows.

    `scores` is the probability of the second of two classes; with more classes, that of the predicted one.
    """

    labels: list[str]
    scores: np.ndarray


@dataclass(frozen=True)
class FittedModel:
    """An estimator and what is needed to feed it.

    `columns` are what it reads of a row: `("text",)`, or logged features. `categories` holds the known values of the
    categorical ones; a value that is not there counts as missing. `vocabulary` holds the words of the training texts.
    """

    recipe: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    estimator: Any
    vocabulary: frozenset[str] = frozenset()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def probabilities(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the probability of each class, shape (n, n_classes).

        Raises
        ------
        ValueError
            If a column that the model reads is absent.
        """
        absent = [name for name in self.columns if name not in rows]
        if absent:
            raise ValueError(f"rows must hold {', '.join(self.columns)}; got none of {', '.join(absent)}.")
        if not len(rows):
            return np.empty((0, len(self.classes)))
        inputs = texts_of(rows) if self.columns == ("text",) else feature_matrix(rows, self.columns, self.categories)
        found: np.ndarray = self.estimator.predict_proba(inputs)
        return found

    def predict(self, rows: pd.DataFrame) -> Answers:
        """Return the most probable class of each row, and its score.

        Raises
        ------
        ValueError
            If a column that the model reads is absent, or a number is none.
        """
        return answers_from(self.probabilities(rows), self.classes)


def answers_from(probabilities: np.ndarray, classes: Sequence[str]) -> Answers:
    """Return the most probable class of each row, and its score.

    Examples
    --------
    >>> answers_from(np.array([[0.9, 0.1]]), ("bad", "good"))
    Answers(labels=['bad'], scores=array([0.1]))
    """
    best = probabilities.argmax(axis=1)
    scores = probabilities[:, 1] if len(classes) == 2 else probabilities[np.arange(len(best)), best]
    return Answers([classes[k] for k in best], scores)


def texts_of(rows: pd.DataFrame) -> list[str]:
    """Return the texts of rows; a missing one is empty."""
    return rows["text"].astype(object).where(rows["text"].notna(), "").tolist()


def feature_matrix(rows: pd.DataFrame, columns: Sequence[str], categories: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    """Return features as float64, shape (n, n_columns): numbers, and categories as their positions; NaN is missing."""
    matrix = np.empty((len(rows), len(columns)))
    for k, name in enumerate(columns):
        if name in categories:
            codes = pd.Index(categories[name], dtype=object).get_indexer(pd.Index(rows[name].astype(object)))
            matrix[:, k] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, k] = pd.to_numeric(rows[name]).to_numpy(np.float64, na_value=np.nan)
    return matrix

"""A fitted model as the product uses it: rows in, classes and scores out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Answers:
    """What a model says about n rows: n classes, and a score for each.

    Attributes
    ----------
    scores : float64 array, shape (n,), from 0 to 1
        Probability of the second of two classes; with more classes, of the predicted one.
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
        """Return how probable each class is.

        Parameters
        ----------
        rows : n rows that hold the columns that the model reads

        Returns
        -------
        numpy.ndarray, shape (n, n_classes)
            From 0 to 1, in the order of `classes`; the estimator is not asked about no rows.

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

        Parameters
        ----------
        rows : n rows that hold the columns that the model reads

        Returns
        -------
        Answers
            n classes and n scores.

        Raises
        ------
        ValueError
            If a column that the model reads is absent, or a number is none.
        """
        return answers_from(self.probabilities(rows), self.classes)


def answers_from(probabilities: np.ndarray, classes: Sequence[str]) -> Answers:
    """Return the most probable class of each row, and its score.

    Parameters
    ----------
    probabilities : shape (n, n_classes), from 0 to 1
    classes : their names, in the order of the columns

    Returns
    -------
    Answers
        n classes; of several that are equally probable, the first.

    Examples
    --------
    >>> answers_from(np.array([[0.9, 0.1]]), ("bad", "good"))
    Answers(labels=['bad'], scores=array([0.1]))
    """
    best = probabilities.argmax(axis=1)
    scores = probabilities[:, 1] if len(classes) == 2 else probabilities[np.arange(len(best)), best]
    return Answers([classes[k] for k in best], scores)


def texts_of(rows: pd.DataFrame) -> list[str]:
    """Return the texts of rows.

    Parameters
    ----------
    rows : n rows with the column `text`

    Returns
    -------
    list of str
        n texts; a missing one is empty.

    Examples
    --------
    >>> texts_of(pd.DataFrame({"text": ["fine", None]}))
    ['fine', '']
    """
    return rows["text"].astype(object).where(rows["text"].notna(), "").tolist()


def feature_matrix(rows: pd.DataFrame, columns: Sequence[str], categories: Mapping[str, tuple[str, ...]]) -> np.ndarray:
    """Return features as an estimator takes them: numbers, and categories as their positions.

    Parameters
    ----------
    rows : n rows that hold the columns
    columns : the features, in the order of the result
    categories : the known values of each categorical feature

    Returns
    -------
    numpy.ndarray
        float64, shape (n, n_columns); NaN is a missing value, or one that is not known.

    Raises
    ------
    ValueError
        If a number is none.

    Examples
    --------
    >>> rows = pd.DataFrame({"age": [31, None], "city": ["Rome", "Ur"]})
    >>> feature_matrix(rows, ["age", "city"], {"city": ("Oslo", "Rome")}).tolist()
    [[31.0, 1.0], [nan, nan]]
    """
    matrix = np.empty((len(rows), len(columns)))
    for k, name in enumerate(columns):
        if name in categories:
            codes = pd.Index(categories[name], dtype=object).get_indexer(pd.Index(rows[name].astype(object)))
            matrix[:, k] = np.where(codes < 0, np.nan, codes)
        else:
            matrix[:, k] = pd.to_numeric(rows[name]).to_numpy(np.float64, na_value=np.nan)
    return matrix

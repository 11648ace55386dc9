"""How each kind of model is trained. A retrain uses the champion's recipe, so that only the data differ."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from drift.text import WORD_PATTERN, words_of
from drift.windows import Column
from retrain.models import FittedModel, feature_matrix, texts_of

# HistGradientBoosting takes at most 255 categories of a feature; the rarest count as missing.
_MAX_CATEGORIES = 250
_MAX_TERMS = 5_000


def fit(
    recipe: str, rows: pd.DataFrame, labels: Sequence[str], columns: Sequence[Column], seed: int = 0
) -> FittedModel:
    """Train a model by a recipe.

    Parameters
    ----------
    recipe : `text` or `tabular`
    rows : n rows of the log
    labels : n true classes
    columns : the model's registered columns; `tabular` reads those with the role feature
    seed : makes the result reproducible

    Raises
    ------
    ValueError
        If the recipe is unknown, there is nothing to learn from, or the labels are all the same.
    """
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {recipe!r}.")
    if len(set(labels)) < 2:
        raise ValueError(f"labels must hold at least two classes; got {', '.join(sorted(set(labels))) or 'none'}.")
    fitted: FittedModel = RECIPES[recipe](rows, list(labels), columns, seed)
    return fitted


def _fit_text(rows: pd.DataFrame, labels: list[str], columns: Sequence[Column], seed: int) -> FittedModel:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if "text" not in rows or not rows["text"].notna().any():
        raise ValueError("rows must hold texts for the recipe text; got none.")
    texts = texts_of(rows)
    terms = TfidfVectorizer(
        token_pattern=f"(?u){WORD_PATTERN}", ngram_range=(1, 2), max_features=_MAX_TERMS, sublinear_tf=True
    )
    estimator = make_pipeline(terms, LogisticRegression(C=10.0, max_iter=1_000, random_state=seed))
    estimator.fit(texts, labels)
    counts = Counter(word for text in texts for word in words_of(text))
    # A word that came once is as good as unknown to the model.
    vocabulary = frozenset(word for word, n in counts.items() if n > 1)
    return FittedModel("text", ("text",), _classes(estimator), estimator, vocabulary)


def _fit_tabular(rows: pd.DataFrame, labels: list[str], columns: Sequence[Column], seed: int) -> FittedModel:
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = [column for column in columns if column.role == "feature" and rows[column.name].notna().any()]
    if not features:
        raise ValueError("columns must hold at least one feature with values for the recipe tabular; got none.")
    names = tuple(column.name for column in features)
    categories = {c.name: _known(rows[c.name]) for c in features if c.kind == "categorical"}
    estimator = HistGradientBoostingClassifier(
        categorical_features=[k for k, name in enumerate(names) if name in categories], random_state=seed
    )
    estimator.fit(feature_matrix(rows, names, categories), np.array(labels, dtype=object))
    return FittedModel("tabular", names, _classes(estimator), estimator, categories=categories)


def _known(values: pd.Series) -> tuple[str, ...]:
    return tuple(values.astype(object).dropna().value_counts().index[:_MAX_CATEGORIES])


def _classes(estimator: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in estimator.classes_)


RECIPES = {"text": _fit_text, "tabular": _fit_tabular}

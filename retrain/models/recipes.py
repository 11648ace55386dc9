"""How each kind of model is trained. A retrain uses the champion's recipe, so that only the data differ."""

import importlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from drift.data.windows import Column
from drift.text.features import WORD_PATTERN, words_of
from retrain.models.fitted import FittedModel, feature_matrix, texts_of

# HistGradientBoosting takes at most 255 categories of a feature; the rarest count as missing.
_MAX_CATEGORIES = 250
_MAX_TERMS = 5_000
_OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def fit(
    recipe: str, rows: pd.DataFrame, labels: Sequence[str], columns: Sequence[Column], seed: int = 0
) -> FittedModel:
    """Train a model by a recipe.

    Parameters
    ----------
    recipe : `text`, `tabular` or `module:function`
    rows : n rows of the log
    labels : n true classes
    columns : the model's registered columns; `tabular` reads those with the role feature
    seed : makes the result reproducible

    Returns
    -------
    FittedModel
        Its `recipe` is the one asked for, its `classes` are those of the labels.

    Raises
    ------
    ValueError
        If the recipe is unknown, there is nothing to learn from, or the labels are all the same.
    """
    if fault := recipe_fault(recipe):
        raise ValueError(fault)
    if len(set(labels)) < 2:
        raise ValueError(f"labels must hold at least two classes; got {', '.join(sorted(set(labels))) or 'none'}.")
    if recipe in RECIPES:
        return RECIPES[recipe](rows, list(labels), columns, seed)
    fitted = _function_of(recipe)(rows, list(labels), columns, seed)
    if not isinstance(fitted, FittedModel):
        raise ValueError(f"recipe {recipe} must return a retrain.models.FittedModel; got {type(fitted).__name__}.")
    return replace(fitted, recipe=recipe)


def recipe_fault(recipe: str) -> str | None:
    """Say why a recipe cannot be used; None if it can.

    A recipe of one's own is `module:function`, called as `function(rows, labels, columns, seed)` with the arguments of
    `fit`; it returns a `FittedModel` whose estimator has `predict_proba` and is made of types that skops trusts. With
    the columns `("text",)` the estimator is given a list of texts, else a float matrix of its columns.

    Examples
    --------
    >>> recipe_fault("tabular"), recipe_fault("forest")
    (None, "The recipe must be one of text, tabular, or module:function; got 'forest'.")
    """
    if recipe in RECIPES:
        return None
    if not _OWN.fullmatch(recipe):
        return f"The recipe must be one of {', '.join(RECIPES)}, or module:function; got {recipe!r}."
    try:
        _function_of(recipe)
    except (ImportError, AttributeError, ValueError) as error:
        return f"The recipe {recipe} cannot be used: {error}"
    return None


def _function_of(recipe: str) -> Callable[..., object]:
    module, _, name = recipe.partition(":")
    if module.split(".")[0] in sys.stdlib_module_names:
        raise ValueError(f"module must be one of your own; got {module!r} of Python's library.")
    function: object = getattr(importlib.import_module(module), name)
    if not callable(function):
        raise ValueError(f"{name} must be a function; got {type(function).__name__}.")
    return function


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

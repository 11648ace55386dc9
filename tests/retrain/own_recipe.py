"""A user's own recipe, as the documentation describes one."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retrain.models.fitted import FittedModel, feature_matrix
from retrain.models.recipes import fit


def by_number(rows, labels, columns, seed):
    """Learn from the numbers alone."""
    names = tuple(column.name for column in columns if column.role == "feature" and column.kind == "numeric")
    estimator = make_pipeline(StandardScaler(), LogisticRegression(random_state=seed))
    estimator.fit(feature_matrix(rows, names, {}), labels)
    return FittedModel("whatever", names, tuple(estimator.classes_), estimator)


class Secretive(LogisticRegression):
    """A type that nobody has reviewed."""


def unknown_type(rows, labels, columns, seed):
    """Learn by a type that no model file may hold."""
    names = ("x",)
    estimator = Secretive().fit(feature_matrix(rows, names, {}), labels)
    return FittedModel("whatever", names, tuple(estimator.classes_), estimator)


def no_model(rows, labels, columns, seed):
    """Return what is no model."""
    return "done"


NOT_CALLABLE = 7


def wrong_on_some_red(rows, labels, columns, seed):
    """Learn everything well but the red rows with a large x."""
    missed = ((rows["colour"] == "red") & (rows["x"] > 0)).to_numpy()
    other = {"good": "bad", "bad": "good"}
    told = [other[label] if wrong else label for label, wrong in zip(labels, missed, strict=True)]
    return fit("tabular", rows, told, columns, seed)

"""Which classes are taken for which, and what probabilities cost that were put on the wrong ones."""

from dataclasses import dataclass

import numpy as np

from drift.data.samples import CategoricalSample

# A score of 0 for what happened would cost infinitely much.
_EPS = 1e-15


@dataclass(frozen=True, eq=False)
class Confusion:
    """How labelled rows of each true class were predicted.

    Attributes
    ----------
    classes : names, n_classes long
    counts : int array, shape (n_classes, n_classes)
        Rows by true class (first axis) and predicted class (second axis).
    """

    classes: tuple[str, ...]
    counts: np.ndarray


def confusion(prediction: CategoricalSample, label: CategoricalSample) -> Confusion:
    """Count labelled rows by true and predicted class; classes that occur, in the order of their names.

    Parameters
    ----------
    prediction, label : CategoricalSample
        Row by row, with categories of their own; rows where one is -1 are left out.

    Returns
    -------
    Confusion

    Examples
    --------
    >>> prediction = CategoricalSample(np.array([0, 1, 1]), ("bad", "good"))
    >>> found = confusion(prediction, CategoricalSample(np.array([1, 1, 0]), ("good", "bad")))
    >>> found.classes, found.counts.tolist()
    (('bad', 'good'), [[1, 1], [0, 1]])
    """
    known = (prediction.codes >= 0) & (label.codes >= 0)
    said = np.array(prediction.categories, object)[prediction.codes[known]]
    truth = np.array(label.categories, object)[label.codes[known]]
    classes = sorted({*said, *truth})
    place = {name: k for k, name in enumerate(classes)}
    at = [len(classes) * place[t] + place[s] for t, s in zip(truth, said, strict=True)]
    counts = np.bincount(np.array(at, np.int64), minlength=len(classes) ** 2)
    return Confusion(tuple(classes), counts.reshape(len(classes), len(classes)))


def log_loss(probability: np.ndarray) -> float:
    """Return the mean log loss, in nats, of rows whose true class had these probabilities; NaN without rows.

    Parameters
    ----------
    probability : float array, shape (n,)
        0 to 1, without NaN.

    Returns
    -------
    float
        0 to 34.5: a probability of 0 counts as 1e-15.

    Examples
    --------
    >>> round(log_loss(np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(-np.log(np.clip(probability, _EPS, 1)).mean()) if probability.size else float("nan")

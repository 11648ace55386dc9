"""How often predictions turn out right, on the rows whose label has come."""

from dataclasses import dataclass

import numpy as np

from drift.samples import CategoricalSample, Sample
from drift.shares import missing_share_test


@dataclass(frozen=True)
class Agreement:
    """Rows with a prediction and a label, how many of them agree, and how many rows there are in all."""

    n_right: int
    n: int
    n_rows: int

    @property
    def share(self) -> float:
        """Accuracy on the labelled rows; NaN without any."""
        return self.n_right / self.n if self.n else float("nan")


def agreement(prediction: Sample, label: Sample) -> Agreement | None:
    """Count the labelled rows whose prediction was right; None where the two are not categories.

    Examples
    --------
    >>> prediction = CategoricalSample(np.array([0, 1, 1, 0]), ("bad", "good"))
    >>> agreement(prediction, CategoricalSample(np.array([1, 0, 1, -1]), ("good", "bad")))
    Agreement(n_right=2, n=3, n_rows=4)
    """
    if not isinstance(prediction, CategoricalSample) or not isinstance(label, CategoricalSample):
        return None
    # Each column has codes of its own: translate those of the labels.
    codes = {name: code for code, name in enumerate(prediction.categories)}
    translated = np.array([*(codes.get(name, -2) for name in label.categories), -1], np.int64)[label.codes]
    known = (prediction.codes >= 0) & (label.codes >= 0)
    return Agreement(int((prediction.codes[known] == translated[known]).sum()), int(known.sum()), len(label))


def accuracy_p_value(before: Agreement, now: Agreement) -> float:
    """Return the p-value of two shares of right predictions being one (2x2 table, as for missing values)."""
    return missing_share_test(before.n, before.n - before.n_right, now.n, now.n - now.n_right)

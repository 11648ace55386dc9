"""How often predictions turn out right, on the rows whose label has come, and how late labels come."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from scipy import special

from drift.data.samples import CategoricalSample, Sample
from drift.statistics.rare import missing_share_test

# The level of every interval that people read.
INTERVAL = 0.95


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

    @property
    def coverage(self) -> float:
        """Share of the rows that have a label; NaN without any row."""
        return self.n / self.n_rows if self.n_rows else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.n_right, self.n)


@dataclass(frozen=True)
class Delay:
    """How long the labels of `n` rows took to come."""

    n: int
    median: timedelta
    p90: timedelta


def agreement(prediction: Sample, label: Sample) -> Agreement | None:
    """Count the labelled rows whose prediction was right; None where the two are not categories.

    Parameters
    ----------
    prediction, label : Sample
        Row by row, with categories of their own; -1 is missing.

    Returns
    -------
    Agreement or None

    Examples
    --------
    >>> prediction = CategoricalSample(np.array([0, 1, 1, 0]), ("bad", "good"))
    >>> agreement(prediction, CategoricalSample(np.array([1, 0, 1, -1]), ("good", "bad")))
    Agreement(n_right=2, n=3, n_rows=4)
    """
    if not isinstance(prediction, CategoricalSample) or not isinstance(label, CategoricalSample):
        return None
    return counted_agreement(prediction, label)


def counted_agreement(prediction: CategoricalSample, label: CategoricalSample) -> Agreement:
    """Count the labelled rows whose predicted class was right.

    Parameters
    ----------
    prediction, label : CategoricalSample
        Row by row, with categories of their own; -1 is missing.

    Returns
    -------
    Agreement
    """
    found = right_or_wrong(prediction, label).counts()
    return Agreement(int(found[0]), int(found.sum()), len(label))


def right_or_wrong(prediction: CategoricalSample, label: CategoricalSample) -> CategoricalSample:
    """Return whether each row's prediction was right; missing where a prediction or a label is.

    Parameters
    ----------
    prediction, label : CategoricalSample
        Row by row, with categories of their own; -1 is missing.

    Returns
    -------
    CategoricalSample
        Row by row: 0 is right, 1 wrong, -1 unknown.

    Examples
    --------
    >>> prediction = CategoricalSample(np.array([0, 1, 1, 0]), ("bad", "good"))
    >>> right_or_wrong(prediction, CategoricalSample(np.array([1, 0, 1, -1]), ("good", "bad"))).codes
    array([ 0,  0,  1, -1], dtype=int32)
    """
    # Each column has codes of its own: translate those of the labels.
    codes = {name: code for code, name in enumerate(prediction.categories)}
    translated = np.array([*(codes.get(name, -2) for name in label.categories), -1], np.int64)[label.codes]
    known = (prediction.codes >= 0) & (label.codes >= 0)
    wrong = (prediction.codes != translated).astype(np.int32)
    return CategoricalSample(np.where(known, wrong, -1), ("right", "wrong"))


def accuracy_p_value(before: Agreement, now: Agreement) -> float:
    """Return the p-value, 0 to 1, of two shares of right predictions being one (2x2 table, as for missing values)."""
    return missing_share_test(before.n, before.n - before.n_right, now.n, now.n - now.n_right)


def wilson_interval(hits: int, n: int, level: float = INTERVAL) -> tuple[float, float]:
    """Return the score interval of a share [1]_: it keeps its level at shares near 0 and 1, and for few rows.

    Parameters
    ----------
    hits, n : int
        Rows that count, of n rows.
    level : float
        How often the interval holds the true share, between 0 and 1.

    Returns
    -------
    low, high : float
        Within 0 to 1; all of it without rows.

    References
    ----------
    .. [1] Wilson (1927), "Probable inference, the law of succession, and statistical inference".

    Examples
    --------
    >>> low, high = wilson_interval(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if n == 0:
        return 0.0, 1.0
    z = float(special.ndtri((1 + level) / 2))
    share, spread = hits / n, z * np.sqrt(hits * (n - hits) / n + z * z / 4) / n
    centre, scale = share + z * z / (2 * n), 1 + z * z / n
    low, high = float((centre - spread) / scale), float((centre + spread) / scale)
    return (0.0 if hits == 0 else max(low, 0.0)), (1.0 if hits == n else min(high, 1.0))


def difference_interval(before: Agreement, now: Agreement, level: float = INTERVAL) -> tuple[float, float]:
    """Return the interval of the change of accuracy, `now` minus `before` (two score intervals joined [1]_).

    Parameters
    ----------
    before, now : Agreement
        Both with labelled rows.
    level : float
        How often the interval holds the true change, between 0 and 1.

    Returns
    -------
    low, high : float
        Within -1 to 1; below 0 where accuracy fell.

    References
    ----------
    .. [1] Newcombe (1998), "Interval estimation for the difference between independent proportions", method 10.

    Examples
    --------
    >>> low, high = difference_interval(Agreement(48, 80, 80), Agreement(56, 70, 70))
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    (low_before, high_before), (low_now, high_now) = (
        wilson_interval(part.n_right, part.n, level) for part in (before, now)
    )
    change = now.share - before.share
    down = np.hypot(now.share - low_now, high_before - before.share)
    up = np.hypot(high_now - now.share, before.share - low_before)
    return float(change - down), float(change + up)


def delay_of(seconds: np.ndarray) -> Delay | None:
    """Return the median and the 90 % point of label delays; None without any.

    Parameters
    ----------
    seconds : float array, shape (n,)
        From prediction to label, without NaN.

    Returns
    -------
    Delay or None

    Examples
    --------
    >>> delay_of(np.array([60.0, 120.0, 180.0]))
    Delay(n=3, median=datetime.timedelta(seconds=120), p90=datetime.timedelta(seconds=168))
    """
    if not seconds.size:
        return None
    median, p90 = (timedelta(seconds=round(float(part), 3)) for part in np.quantile(seconds, (0.5, 0.9)))
    return Delay(int(seconds.size), median, p90)

"""Champion against challenger on the same rows, and whether the challenger may go on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drift.performance.agreement import wilson_interval
from retrain.stored import fields_of, interval_of

_EPS = 1e-15
# The 97.5 % point of the normal distribution.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Judged:
    """What one model said about the held-out rows: its classes, and its probabilities where they are known.

    Attributes
    ----------
    probabilities : float64 array, shape (n, n_classes), from 0 to 1, or None
        In the order of `classes`.
    """

    labels: Sequence[str | None]
    probabilities: np.ndarray | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How one model did: shares from 0 to 1; `log_loss` in nats, None without probabilities.

    `accuracy_interval` holds with 95 %. `calibration` is (mean confidence, share right, rows) for each tenth of the
    confidence in the predicted class; empty without probabilities. An older release stored neither of the two.
    """

    accuracy: float
    log_loss: float | None
    recall: Mapping[str, float]
    accuracy_interval: tuple[float, float] | None = None
    calibration: tuple[tuple[float, float, int], ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the scores as a job's rows keep them."""
        measured: dict[str, Any] = {"accuracy": self.accuracy, "log_loss": self.log_loss, "recall": dict(self.recall)}
        measured |= {"accuracy_interval": list(self.accuracy_interval)} if self.accuracy_interval else {}
        return measured | {"calibration": [list(tenth) for tenth in self.calibration]}

    @classmethod
    def of(cls, values: object, what: str = "the scores of a model") -> "Scores":
        """Read what `plain` returned.

        Raises
        ------
        ValueError
            If something of it is absent.
        """
        found = fields_of(cls, values, what)
        if "accuracy_interval" in found:
            found["accuracy_interval"] = interval_of(found["accuracy_interval"], "accuracy_interval")
        found["calibration"] = tuple((sure, right, n) for sure, right, n in found.get("calibration", ()))
        return cls(**found)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Both models on the same rows; `difference` is the challenger's accuracy minus the champion's."""

    champion: Scores
    challenger: Scores
    difference: float
    interval: tuple[float, float]
    p_value: float
    n_held_out: int

    def passes(self, max_loss: float) -> bool:
        """Whether the challenger is at least as good, and surely not worse by more than `max_loss`."""
        return self.difference >= 0 and self.interval[0] > -max_loss

    def plain(self) -> dict[str, Any]:
        """Return the comparison as a job's rows keep it."""
        numbers = {"difference": self.difference, "interval": list(self.interval), "p_value": self.p_value}
        sides = {"champion": self.champion.plain(), "challenger": self.challenger.plain()}
        return {**sides, **numbers, "n_held_out": self.n_held_out}

    @classmethod
    def of(cls, values: object) -> "Comparison":
        """Read what `plain` returned.

        Raises
        ------
        ValueError
            If something of it is absent.
        """
        found = fields_of(cls, values, "the comparison of two models")
        found |= {side: Scores.of(found[side], f"the scores of the {side}") for side in ("champion", "challenger")}
        return cls(**found | {"interval": interval_of(found["interval"], "interval")})

    def sentence(self) -> str:
        """Say both accuracies, their difference with its interval, and on how many rows."""
        low, high = (100 * end for end in self.interval)
        return (
            f"accuracy {self.challenger.accuracy:.3f} against the champion's {self.champion.accuracy:.3f}: "
            f"{100 * self.difference:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}) "
            f"on {self.n_held_out:,} held-out recent rows"
        )


def compare(truth: Sequence[str], champion: Judged, challenger: Judged) -> Comparison:
    """Compare two models on the same rows.

    Parameters
    ----------
    truth : n true classes, at least one
    champion, challenger : what each said about the n rows
        `labels` of length n; `probabilities`, where known, of shape (n, n_classes).

    Returns
    -------
    Comparison
        With the exact McNemar p-value [1]_ and the adjusted 95 % Wald interval of the paired difference [2]_; the
        difference is from -1 to 1, above 0 where the challenger is better.

    Raises
    ------
    ValueError
        If there is no row.

    References
    ----------
    .. [1] McNemar (1947), "Note on the sampling error of the difference between correlated proportions".
    .. [2] Agresti and Min (2005), "Simple improved confidence intervals for comparing matched proportions".

    Examples
    --------
    >>> truth = ["a", "b"] * 100
    >>> compare(truth, Judged(["a"] * 200), Judged(truth)).difference
    0.5
    """
    from scipy import stats  # half a second of every process that imports it

    if not len(truth):
        raise ValueError("truth must hold at least one row; got none.")
    was_right, is_right = (
        np.array(judged.labels, object) == np.array(truth, object) for judged in (champion, challenger)
    )
    n_lost, n_won = int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())
    p_value = stats.binomtest(n_won, n_won + n_lost).pvalue if n_won + n_lost else 1.0
    return Comparison(
        champion=_scores(truth, champion, was_right),
        challenger=_scores(truth, challenger, is_right),
        difference=(n_won - n_lost) / len(truth),
        interval=paired_interval(n_won, n_lost, len(truth)),
        p_value=float(p_value),
        n_held_out=len(truth),
    )


def paired_interval(n_won: int, n_lost: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two accuracies on the same n rows (adjusted Wald [1]_).

    Half a row is added to each cell of the 2x2 table, which keeps the coverage where few rows differ.

    Parameters
    ----------
    n_won, n_lost : rows where only the challenger, or only the champion, was right; together at most n
    n : rows in all

    Returns
    -------
    tuple of float
        Lower and upper end of the challenger's accuracy minus the champion's, a share from -1 to 1.

    References
    ----------
    .. [1] Agresti and Min (2005), "Simple improved confidence intervals for comparing matched proportions".

    Examples
    --------
    >>> [round(end, 3) for end in paired_interval(30, 10, 400)]
    [0.019, 0.081]
    """
    won, lost, total = n_won + 0.5, n_lost + 0.5, n + 2
    centre = (won - lost) / total
    width = _Z * np.sqrt((won + lost) - (won - lost) ** 2 / total) / total
    return float(centre - width), float(centre + width)


def _scores(truth: Sequence[str], judged: Judged, right: np.ndarray) -> Scores:
    of_class = {name: np.array([label == name for label in truth]) for name in sorted(set(truth))}
    recall = {name: float(right[rows].mean()) for name, rows in of_class.items()}
    return Scores(
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(right)),
        log_loss=_log_loss(truth, judged),
        recall=recall,
        calibration=_calibration(judged, right),
    )


def _calibration(judged: Judged, right: np.ndarray) -> tuple[tuple[float, float, int], ...]:
    if judged.probabilities is None:
        return ()
    confidence = judged.probabilities.max(axis=1)
    tenth = np.minimum((confidence * 10).astype(int), 9)
    rows = [tenth == k for k in range(10)]
    return tuple((float(confidence[r].mean()), float(right[r].mean()), int(r.sum())) for r in rows if r.any())


def _log_loss(truth: Sequence[str], judged: Judged) -> float | None:
    if judged.probabilities is None:
        return None
    position = {name: k for k, name in enumerate(judged.classes)}
    given = [judged.probabilities[row, position[name]] if name in position else 0.0 for row, name in enumerate(truth)]
    return float(-np.log(np.clip(np.array(given), _EPS, 1)).mean())

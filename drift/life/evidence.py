"""The evidence on one column since its reference: what a bucket of rows adds to it, and when it alarms for good."""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from drift.data.samples import Sample
from drift.life.autocorrelation import autocorrelation_factor
from drift.life.betting import MEMORIES, Bets, Experts, bet, winner
from drift.life.cells import Cells, cells_from
from drift.life.movers import largest_mover
from drift.life.rule import LifeRule, more_often_p_values, window_p_values

Trigger = Literal["betting score", "window"]


@dataclass(frozen=True)
class Alarm:
    """The moment an alarm sounded. It stays until a person acknowledges it or the reference is replaced.

    `row` is the number of rows seen since the reference, `onset` the row after which the drift seems to have begun, and
    `bet` what rang: the bet that had won most by then or, where the window's test rang, what the window moved most by.
    Such a drift has begun within the window, so its onset is the window's start.
    """

    row: int
    onset: int
    trigger: Trigger
    bet: str
    score: float
    life_p: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """Where a column stands after some rows since its reference.

    Attributes
    ----------
    bets : Bets
    window : counts, shape (n_buckets, n_cells)
        The newest buckets, at most those of a sliding window.
    n : int
        Rows seen since the reference.
    life_p : float
        Of the window after the newest bucket, 0 to 1; 1 until the window is full.
    alarm : Alarm or None
        The one that sounds.
    """

    bets: Bets
    window: np.ndarray
    n: int = 0
    life_p: float = 1.0
    alarm: Alarm | None = None

    @property
    def score(self) -> float:
        """The betting score now."""
        return self.bets.score

    def to_bytes(self) -> bytes:
        """Return everything but the alarm as float64, little-endian: some kilobytes."""
        parts = [[self.n, self.life_p], self.bets.scores, self.bets.ages, self.bets.learned, self.bets.recent.ravel()]
        return np.concatenate([*parts, self.window.ravel()]).astype("<f8").tobytes()


@dataclass(frozen=True, eq=False)
class Watch:
    """What does not change while a column is watched: its cells, the bets on it, phi and the rule.

    `n_columns` is how many columns share the rule's alpha. `worse` is the one cell of which only more is evidence
    (the wrong predictions, say); without it, any difference is.
    """

    cells: Cells
    experts: Experts
    phi: float
    rule: LifeRule
    n_columns: int = 1
    worse: int | None = None

    @classmethod
    def over(cls, reference: Sample, rule: LifeRule, n_columns: int = 1) -> Self:
        """Prepare to watch the rows that come after a reference, whose own rows are in time order.

        Parameters
        ----------
        reference : Sample
            In time order: phi is told from how its rows follow each other.

        Returns
        -------
        Watch
        """
        cells = cells_from(reference)
        phi = autocorrelation_factor(cells, cells.place_reference(reference))
        return cls(cells, Experts.of(cells), phi, rule, n_columns)

    @property
    def threshold(self) -> float:
        """The betting score that alarms."""
        return self.rule.betting_threshold(self.n_columns)

    def start(self) -> Evidence:
        """Return the evidence before the first row."""
        return Evidence(Bets.start(self.cells, self.experts), np.zeros((0, len(self.cells.labels))))

    def restart(self, evidence: Evidence) -> Evidence:
        """Return the evidence after a person acknowledged the alarm: nothing won, what was learned is kept."""
        fresh = self.start()
        return replace(fresh, n=evidence.n, bets=replace(fresh.bets, learned=evidence.bets.learned))

    def from_bytes(self, data: bytes, alarm: Alarm | None = None) -> Evidence:
        """Restore what `Evidence.to_bytes` wrote.

        Raises
        ------
        ValueError
            If the bytes were written for other cells or experts.
        """
        n_cells, n_experts, n_memories = len(self.cells.labels), len(self.experts.names), len(MEMORIES)
        values = np.frombuffer(data, "<f8")
        at = np.cumsum([2, n_experts, n_experts, n_cells, n_memories * n_cells])
        if values.size < at[-1] or (values.size - at[-1]) % n_cells:
            raise ValueError(f"data must hold the state of {n_cells} cells and {n_experts} experts; got {values.size}.")
        numbers, scores, ages, learned, recent, window = np.split(values, at)
        bets = Bets(learned, recent.reshape(n_memories, n_cells), scores, ages)
        return Evidence(bets, window.reshape(-1, n_cells), int(numbers[0]), float(numbers[1]), alarm)


@dataclass(frozen=True, eq=False)
class Step:
    """The evidence after some buckets, and the betting score and life p-value after each of them.

    Attributes
    ----------
    evidence : Evidence
        After the last bucket.
    scores, life_p : float arrays, shape (n_buckets,)
        After each bucket; scores are at least 0, p-values 0 to 1.
    """

    evidence: Evidence
    scores: np.ndarray
    life_p: np.ndarray


def advance(watch: Watch, evidence: Evidence, counts: np.ndarray) -> Step:
    """Take in buckets of `rule.stride` rows, in time order.

    The first bucket at which the betting score reaches its threshold, or the window's life p-value half of alpha,
    sounds the alarm. From there on nothing is learned: the scores show whether the drift goes on.

    Parameters
    ----------
    counts : int array, shape (n_buckets, n_cells)
        Rows per cell, from `Cells.counts`.

    Returns
    -------
    Step
        The evidence after the last bucket, and scores and life p-values after each.

    Examples
    --------
    >>> from drift.data.samples import NumericSample
    >>> rng = np.random.default_rng(1)
    >>> watch = Watch.over(NumericSample(rng.normal(size=5_000)), LifeRule())
    >>> healthy, shifted = rng.normal(size=2_000), rng.normal(0.5, 1, size=1_000)
    >>> stream = NumericSample(np.concatenate([healthy, shifted]))
    >>> alarm = advance(watch, watch.start(), watch.cells.counts(stream, 100)).evidence.alarm
    >>> alarm.row, alarm.bet
    (2200, 'values moved up by 0.5 sd')
    """
    life_p, windows = _life_p(watch, evidence, counts)
    path = bet(watch.cells, watch.experts, evidence.bets, counts, phi=watch.phi, learn=evidence.alarm is None)
    scores = np.array([step.scores for step in path]).mean(axis=1) if path else np.empty(0)
    rows = evidence.n + np.cumsum(counts.sum(axis=1))
    sounding = (scores >= watch.threshold) | (life_p <= watch.rule.alpha / 2)
    if evidence.alarm is not None or not sounding.any():
        if not path:
            return Step(evidence, scores, life_p)
        return Step(Evidence(path[-1], windows, int(rows[-1]), float(life_p[-1]), evidence.alarm), scores, life_p)
    first = int(sounding.argmax())
    trigger: Trigger = "betting score" if scores[first] >= watch.threshold else "window"
    window = _latest(watch, evidence, counts[: first + 1])
    row = int(rows[first])
    age, said = _what_rang(watch, trigger, path[first], window)
    alarm = Alarm(row, max(row - age, 0), trigger, said, float(scores[first]), float(life_p[first]))
    at_alarm = Evidence(path[first], window, alarm.row, alarm.life_p, alarm)
    rest = advance(watch, at_alarm, counts[first + 1 :])
    return Step(
        rest.evidence,
        np.concatenate([scores[: first + 1], rest.scores]),
        np.concatenate([life_p[: first + 1], rest.life_p]),
    )


def _what_rang(watch: Watch, trigger: Trigger, bets: Bets, window: np.ndarray) -> tuple[int, str]:
    """Return for how many rows a drift seems to have lasted, and what it is, by the evidence that rang."""
    won = winner(watch.experts, bets)
    if trigger == "betting score":
        return round(float(bets.ages[won])), watch.experts.names[won]
    counts = window.sum(axis=0)
    said = largest_mover(watch.cells, counts) if watch.worse is None else "wrong predictions more often"
    return int(counts.sum()), said


def _life_p(watch: Watch, evidence: Evidence, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the life p-value after each bucket (1 until the window is full) and the latest window."""
    depth = watch.rule.buckets_per_window
    buckets = np.concatenate([evidence.window, counts])
    totals = np.cumsum(np.concatenate([np.zeros((1, buckets.shape[1])), buckets]), axis=0)
    windows = totals[depth:] - totals[:-depth]
    life_p = np.ones(len(counts))
    full = min(len(windows), len(counts))
    if full:
        p_values = _p_values(watch, windows[-full:])
        life_p[-full:] = watch.rule.life_p(p_values, watch.n_columns)
    return life_p, buckets[-depth:]


def _p_values(watch: Watch, windows: np.ndarray) -> np.ndarray:
    """Return the p-values, shape (n_windows,), of windows of shape (n_windows, n_cells)."""
    if watch.worse is None:
        return window_p_values(watch.cells, windows, watch.phi)
    return more_often_p_values(watch.cells, windows, watch.worse, watch.phi)


def _latest(watch: Watch, evidence: Evidence, counts: np.ndarray) -> np.ndarray:
    """Return the newest buckets of a sliding window, shape (n_buckets, n_cells), after those of `counts`."""
    return np.concatenate([evidence.window, counts])[-watch.rule.buckets_per_window :]

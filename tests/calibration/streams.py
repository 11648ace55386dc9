"""Lives of one column whose truth is known: a reference, and a stream in which nothing or one known thing changes."""

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from scipy import signal, special

N_STREAM, CHANGE = 20_000, 10_000
WINDOW, STRIDE = 1_000, 100


@dataclass(frozen=True, eq=False)
class Life:
    """The rows of one column in time order: numbers, or codes where `n_categories` is not 0.

    NaN and -1 are missing. In the life of an accuracy, code 1 is a wrong prediction, and only more of them are a drift.
    """

    reference: np.ndarray
    stream: np.ndarray
    n_categories: int = 0
    is_accuracy: bool = False


@dataclass(frozen=True, kw_only=True)
class Process:
    """What a column's healthy rows come from: normal numbers, or categories cut from them at the given shares.

    Numbers of neighbouring rows have the correlation `rho`, as in an autoregressive process of order one; with `noisy`,
    half of their variance is noise on top of that. Numbers are multiples of `rounded`; a share `missing` has none.
    """

    name: str
    shares: tuple[float, ...] = ()
    rho: float = 0.0
    noisy: bool = False
    rounded: float = 0.0
    missing: float = 0.0
    is_accuracy: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether others' rules can be stated for it: no ties among numbers and nothing missing."""
        return not self.missing and not self.rounded

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return n rows in time order.

        Examples
        --------
        >>> Process(name="binary", shares=(0.5, 0.5)).draw(np.random.default_rng(1), 6)
        array([1, 1, 1, 0, 1, 1])
        """
        rows = rng.normal(size=n)
        if self.rho:
            rows[1:] *= np.sqrt(1 - self.rho**2)
            rows = signal.lfilter([1.0], [1.0, -self.rho], rows)
        if self.noisy:
            rows = (rows + rng.normal(size=n)) / np.sqrt(2)
        if self.rounded:
            rows = np.round(rows / self.rounded) * self.rounded
        if self.shares:
            rows = np.searchsorted(np.cumsum(self.shares)[:-1], special.ndtr(rows), side="right")
        if self.missing:
            rows = np.where(rng.random(n) < self.missing, -1 if self.shares else np.nan, rows)
        return rows


Change = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]


def _shifted(sd: float) -> Change:
    return lambda rng, rows, n_categories: rows + sd


def _spread(variance: float) -> Change:
    return lambda rng, rows, n_categories: rows * np.sqrt(variance)


def _new_category(share: float) -> Change:
    return lambda rng, rows, n_categories: np.where(rng.random(rows.size) < share, n_categories, rows)


def _more_of_the_last(before: float, after: float) -> Change:
    """Turn as many rows of the first of two categories into the second as raises its share."""
    moved = (after - before) / (1 - before)
    return lambda rng, rows, n_categories: np.where((rows == 0) & (rng.random(rows.size) < moved), 1, rows)


DRIFTS: dict[str, Change] = {
    "mean +.25 sd": _shifted(0.25),
    "mean +1 sd": _shifted(1.0),
    "variance x1.5": _spread(1.5),
    "new category 5 %": _new_category(0.05),
    "share 50 -> 60 %": _more_of_the_last(0.5, 0.6),
    "wrong 10 -> 15 %": _more_of_the_last(0.1, 0.15),
    "missing 5 -> 10 %": lambda rng, rows, n_categories: np.where(rng.random(rows.size) < 0.05 / 0.95, np.nan, rows),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A process, the length of its reference, and the drift that begins at row 10,000 of the stream, if any."""

    process: Process
    n_reference: int
    drift: str = ""

    @property
    def name(self) -> str:
        """What tables call it."""
        return ", ".join(filter(None, (self.process.name, self.drift, f"reference {self.n_reference:,}")))

    def life(self, seed: int, number: int) -> Life:
        """Return one life: always the same one for a seed, a setting and a number."""
        rng = np.random.default_rng([seed, crc32(self.name.encode()), number])
        rows = self.process.draw(rng, self.n_reference + N_STREAM)
        n_categories = len(self.process.shares)
        if self.drift:
            begins = self.n_reference + CHANGE
            rows[begins:] = DRIFTS[self.drift](rng, rows[begins:], n_categories)
        return Life(rows[: self.n_reference], rows[self.n_reference :], n_categories, self.process.is_accuracy)


NUMERIC = Process(name="numeric")
FIVE = Process(name="5 categories", shares=(0.4, 0.3, 0.15, 0.1, 0.05))
# Shares as of words or shops: the most frequent has 22 %, the rarest .4 %.
FIFTY = Process(name="50 categories", shares=tuple((1 / np.arange(1, 51) / (1 / np.arange(1, 51)).sum()).tolist()))
BINARY = Process(name="binary", shares=(0.5, 0.5))
AR3, AR6, AR9 = (Process(name=f"numeric AR({rho:g})", rho=rho) for rho in (0.3, 0.6, 0.9))
FIVE_AR9 = Process(name="5 categories AR(0.9)", shares=FIVE.shares, rho=0.9)
BINARY_AR9 = Process(name="binary AR(0.9)", shares=BINARY.shares, rho=0.9)
NOISY_AR9 = Process(name="numeric AR(0.9) + noise", rho=0.9, noisy=True)
ROUNDED = Process(name="numeric, 13 values", rounded=0.5)
GAPS = Process(name="numeric, 5 % missing", missing=0.05)
ACCURACY = Process(name="accuracy 90 %", shares=(0.9, 0.1), is_accuracy=True)

N_REFERENCES = (500, 5_000)
_INDEPENDENT = (NUMERIC, ROUNDED, GAPS, FIVE, FIFTY, BINARY, ACCURACY)
_CORRELATED = (AR3, AR6, AR9, NOISY_AR9, FIVE_AR9, BINARY_AR9)
HEALTHY = tuple(
    Setting(process=process, n_reference=n) for process in (*_INDEPENDENT, *_CORRELATED) for n in N_REFERENCES
)
_DRIFTING = (
    (NUMERIC, "mean +.25 sd"),
    (NUMERIC, "mean +1 sd"),
    (NUMERIC, "variance x1.5"),
    (FIVE, "new category 5 %"),
    (BINARY, "share 50 -> 60 %"),
    (AR6, "mean +1 sd"),
    (AR9, "mean +1 sd"),
    (GAPS, "missing 5 -> 10 %"),
    (ACCURACY, "wrong 10 -> 15 %"),
)
DRIFTED = tuple(
    Setting(process=process, n_reference=n, drift=drift) for process, drift in _DRIFTING for n in N_REFERENCES
)

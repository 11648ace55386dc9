"""From rows of first alarms to rates, delays and whether they are good enough."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from tests.calibration import product
from tests.calibration.measuring import FirstAlarms
from tests.calibration.streams import CHANGE, N_STREAM


@dataclass(frozen=True)
class Rate:
    """`n_hits` of `n`, with the exact interval of Clopper and Pearson (1934) that holds the true rate 95 times in 100.

    Examples
    --------
    >>> rate = Rate(5, 100)
    >>> f"{rate.value:.3f} {rate.low:.4f} {rate.high:.4f}"
    '0.050 0.0164 0.1128'
    """

    n_hits: int
    n: int

    @property
    def value(self) -> float:
        """The rate that was measured."""
        return self.n_hits / self.n

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return float(special.betaincinv(self.n_hits, self.n - self.n_hits + 1, 0.025)) if self.n_hits else 0.0

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        if self.n_hits == self.n:
            return 1.0
        return float(special.betaincinv(self.n_hits + 1, self.n - self.n_hits, 0.975))


def false_alarms(first: np.ndarray) -> Rate:
    """Return how many healthy lives heard an alarm."""
    return Rate(int((first <= N_STREAM).sum()), first.size)


@dataclass(frozen=True)
class Delay:
    """How long a drift went unheard, over the lives that were silent until it began.

    `median` and `ninth_decile` are rows; infinite where so many lives never heard it.
    """

    median: float
    ninth_decile: float
    missed: Rate
    already: Rate


def delay(first: np.ndarray) -> Delay | None:
    """Return the delays of a rule; None where every life had heard a false alarm before the drift."""
    silent = first[first > CHANGE]
    if not silent.size:
        return None
    # The lower of two middle delays: half of the lives were no slower.
    median, ninth = np.quantile(silent - CHANGE, [0.5, 0.9], method="inverted_cdf")
    already = Rate(first.size - silent.size, first.size)
    return Delay(float(median), float(ninth), Rate(int(np.isinf(silent).sum()), silent.size), already)


@dataclass(frozen=True)
class Target:
    """A figure that the product promises, and what was measured."""

    setting: str
    what: str
    limit: float
    measured: float

    @property
    def met(self) -> bool:
        """Whether the measured figure keeps the promise."""
        return self.measured <= self.limit


MOST_FALSE_ALARMS = 0.05
LONGEST_MEDIAN = {
    "numeric, mean +.25 sd, reference 5,000": 600,
    "numeric, mean +1 sd, reference 5,000": 200,
    "numeric, variance x1.5, reference 5,000": 600,
    "5 categories, new category 5 %, reference 5,000": 200,
    "binary, share 50 -> 60 %, reference 5,000": 600,
}


def targets(healthy: dict[str, FirstAlarms], drifted: dict[str, FirstAlarms]) -> list[Target]:
    """Return what the product promises about the settings that were measured."""
    found = [
        Target(name, "false alarms", MOST_FALSE_ALARMS, false_alarms(first[product.NAME]).value)
        for name, first in healthy.items()
    ]
    for name, limit in LONGEST_MEDIAN.items():
        if name in drifted:
            measured = delay(drifted[name][product.NAME])
            found.append(Target(name, "median delay", limit, measured.median if measured else np.inf))
    return found

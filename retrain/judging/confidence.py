"""Whether a challenger may go on, decided at every look at the labels without deciding falsely by looking often."""

import math
from dataclasses import dataclass
from typing import Literal

Decision = Literal["promote", "roll back", "wait"]

# The bounds hold at every look together; they are narrowest at about so many labelled rows.
ALPHA = 0.05
_NARROWEST_AT = 1_000
_MOST_ROWS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the labels say of a challenger so far: its accuracy minus the champion's, on rows that both scored.

    `n_more` is about how many more labelled rows it takes until the difference seen so far is decisive: 0 where it
    is already, None where ten million are not enough.
    """

    n: int
    difference: float
    interval: tuple[float, float]
    decision: Decision
    n_more: int | None

    def sentence(self) -> str:
        """Say how far the evidence is.

        Examples
        --------
        >>> weigh(400, n_won=8, n_lost=8).sentence()
        'Even on 400 labelled rows (interval -3.2 to +3.2 points): needs about 3,700 more labelled rows.'
        """
        if not self.n:
            return f"No labelled rows yet: needs about {self.n_more:,} of them."
        points = f"{100 * self.difference:+.1f} points" if round(self.difference, 3) else "Even"
        low, high = (100 * end for end in self.interval)
        said = f"{points} on {self.n:,} labelled rows (interval {low:+.1f} to {high:+.1f} points)"
        if self.decision == "wait":
            more = "far more" if self.n_more is None else f"about {self.n_more:,} more"
            return f"{said}: needs {more} labelled rows."
        return f"{said}: {'not worse by more than is allowed' if self.decision == 'promote' else 'surely worse'}."


def weigh(n: int, *, n_won: int, n_lost: int, margin: float = 0.01, min_rows: int = 300) -> Evidence:
    """Weigh what is known of a challenger; may be asked after every single row.

    Parameters
    ----------
    n : labelled rows that both models scored
    n_won, n_lost : rows of them where only the challenger, or only the champion, was right
    margin : being worse by less than this does not matter
    min_rows : no promotion on fewer rows

    Returns
    -------
    Evidence
        `promote` once the lower bound is above `-margin`, `roll back` once the upper one is below 0, by the bounds of
        an asymptotic confidence sequence [1]_.

    Raises
    ------
    ValueError
        If a count is below 0, or the rows that differ are more than n.

    References
    ----------
    .. [1] Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic
       confidence sequences", Annals of Statistics 52 (6).
    """
    if min(n_won, n_lost) < 0 or n_won + n_lost > n:
        raise ValueError(f"n_won and n_lost must be at least 0 and at most n together; got {n_won}, {n_lost} and {n}.")
    low, high = bounds(n, n_won=n_won, n_lost=n_lost)
    decision = _decision(n, low, high, margin, min_rows)
    difference = (n_won - n_lost) / n if n else 0.0
    n_more = 0 if decision != "wait" else _rows_needed(n, n_won, n_lost, margin, min_rows)
    return Evidence(n=n, difference=difference, interval=(low, high), decision=decision, n_more=n_more)


def bounds(n: float, *, n_won: float, n_lost: float) -> tuple[float, float]:
    """Return the bounds of the difference after n rows: a confidence sequence, which holds at every n together.

    One row of disagreement is added to the variance: with none seen, the models may still differ. The level of 95 % is
    asymptotic, which is why `weigh` asks for `min_rows`.

    Parameters
    ----------
    n : labelled rows that both models scored
    n_won, n_lost : rows of them where only the challenger, or only the champion, was right
        Not whole where a future is asked about.

    Returns
    -------
    tuple of float
        Lower and upper bound of the challenger's accuracy minus the champion's, from -1 to 1.

    Examples
    --------
    >>> [round(end, 3) for end in bounds(1_000, n_won=30, n_lost=10)]
    [0.001, 0.039]
    """
    if not n:
        return -1.0, 1.0
    mean = (n_won - n_lost) / n
    variance = max((n_won + n_lost + 1) / n - mean**2, 0.0)
    width = _multiplier(n) * math.sqrt(variance / n)
    return max(-1.0, mean - width), min(1.0, mean + width)


def _multiplier(n: float) -> float:
    """Return what takes the place of 1.96 when every look counts."""
    tuned = -2 * math.log(ALPHA)
    rho_squared = (tuned + math.log(tuned + 1)) / _NARROWEST_AT
    spread = n * rho_squared
    return math.sqrt((spread + 1) / spread * math.log((spread + 1) / ALPHA**2))


def _decision(n: float, low: float, high: float, margin: float, min_rows: int) -> Decision:
    if high < 0:
        return "roll back"
    return "promote" if low > -margin and n >= min_rows else "wait"


def _rows_needed(n: int, n_won: int, n_lost: int, margin: float, min_rows: int) -> int | None:
    """Return about how many more rows are needed if what was seen goes on; before that, as if 5 % disagreed evenly."""
    won, lost = (n_won + 1.25) / (n + 50), (n_lost + 1.25) / (n + 50)
    step, total = 100, max(n, min_rows)
    while total <= _MOST_ROWS:
        low, high = bounds(total, n_won=won * total, n_lost=lost * total)
        if _decision(total, low, high, margin, min_rows) != "wait":
            more = max(total - n, 1)
            return more if more < 20 else round(more, 1 - len(str(more)) + 1)
        total += step
        step = max(100, total // 50)
    return None

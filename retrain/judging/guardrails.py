"""Signs of a broken challenger that need no label: errors, answers that never vary, other scores, slowness."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from retrain.stored import fields_of

MAX_ERROR_SHARE = 0.01
MIN_ERRORS = 3
MAX_PSI = 0.25
MAX_SLOWER = 1.5
# Nobody notices less, and a busy machine doubles one millisecond easily.
MIN_SECONDS_SLOWER = 0.005
# A trial is looked at thousands of times: what chance alone would show once in so many looks ends none.
_CHANCE = 1e-5
_MIN_CONSTANT, _MIN_SCORES, _MIN_TIMES = 50, 200, 100
_BINS = 10


@dataclass(frozen=True)
class Guardrail:
    """One measure of a trial; `value` and `limit` are None where too little is known, or nothing to compare with."""

    name: str
    passed: bool
    text: str
    value: float | None = None
    limit: float | None = None

    def plain(self) -> dict[str, Any]:
        """Return the measure as a job's rows keep it."""
        return asdict(self)

    @classmethod
    def of(cls, values: object) -> "Guardrail":
        """Read what `plain` returned.

        Raises
        ------
        ValueError
            If something of it is absent.
        """
        return cls(**fields_of(cls, values, "a guardrail"))


@dataclass(frozen=True)
class ScoreShares:
    """How n scores are spread: k inner edges, and the k + 1 shares below, between and above them, which add up to 1."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    n: int

    def plain(self) -> dict[str, Any]:
        """Return the shares as a job's rows keep them."""
        return {"edges": list(self.edges), "shares": list(self.shares), "n": self.n}

    @classmethod
    def of(cls, values: object) -> "ScoreShares":
        """Read what `plain` returned.

        Raises
        ------
        ValueError
            If something of it is absent.
        """
        found = fields_of(cls, values, "the shares of scores")
        return cls(tuple(found["edges"]), tuple(found["shares"]), found["n"])


def check_guardrails(rows: pd.DataFrame, scores_expected: ScoreShares | None) -> tuple[Guardrail, ...]:
    """Check what both models answered to the newest requests of a trial.

    Parameters
    ----------
    rows : as `storage.models.shadow.read_shadow_health` returns them; a row a request, times in seconds
    scores_expected : the challenger's scores on the rows it was approved on; None compares none
        Against its own scores: those of the champion may differ for the very reason that it is to be replaced.

    Returns
    -------
    tuple of Guardrail
        Errors, constant output, spread of the scores and latency, in this order.
    """
    return (_errors(rows), _constant(rows), _scores(rows, scores_expected), _latency(rows))


def broken(found: Sequence[Guardrail]) -> str | None:
    """Say which guardrails do not hold; None if all do."""
    return " ".join(one.text for one in found if not one.passed) or None


def score_shares(scores: np.ndarray) -> ScoreShares | None:
    """Return the deciles of scores and the shares between them, to compare later ones with; None if they never vary.

    Parameters
    ----------
    scores : float array, shape (n,)
        What is not finite is left out.

    Returns
    -------
    ScoreShares or None
        At most nine edges; fewer where scores repeat.

    Examples
    --------
    >>> score_shares(np.arange(1000.0)).shares[:3]
    (0.1, 0.1, 0.1)
    """
    finite = scores[np.isfinite(scores)]
    edges = np.unique(np.quantile(finite, np.arange(1, _BINS) / _BINS)) if len(finite) else np.empty(0)
    if len(edges) < 2:
        return None
    return ScoreShares(tuple(edges.tolist()), tuple(_shares(finite, edges).tolist()), len(finite))


def raw_stability_index(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the population stability index of two spreads; noise is part of it, unlike in `drift.statistics.effects`.

    Parameters
    ----------
    expected, found : shares, shape (n_bins,), each adding up to 1
        An empty bin counts as half a row of ten thousand, so that the logarithm exists.

    Returns
    -------
    float
        From 0, where both are the same; above 0.25 by custom is a large change.

    Examples
    --------
    >>> round(raw_stability_index(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 3)
    0.879
    """
    before, after = np.maximum(expected, 5e-5), np.maximum(found, 5e-5)
    return float(((after - before) * np.log(after / before)).sum())


def _errors(rows: pd.DataFrame) -> Guardrail:
    if not len(rows):
        return Guardrail("errors", True, "No request was scored yet.")
    failed = rows["error"].notna()
    n, share = int(failed.sum()), float(failed.mean())
    passed = n < MIN_ERRORS or share <= MAX_ERROR_SHARE
    text = f"The challenger failed on {n:,} of {len(rows):,} requests."
    if n:
        text += f" The last error: {str(rows.loc[failed, 'error'].iloc[-1])[:200]}"
    return Guardrail("errors", passed, text, share, MAX_ERROR_SHARE)


def _constant(rows: pd.DataFrame) -> Guardrail:
    both = rows[["challenger_score", "champion_score"]].dropna()
    if len(both) < _MIN_CONSTANT:
        return Guardrail("constant output", True, f"Too few scores to tell: {len(both)} of {_MIN_CONSTANT}.")
    same = both["challenger_score"].nunique() == 1 and both["champion_score"].nunique() > 1
    if same:
        text = f"The challenger's score was {both['challenger_score'].iloc[0]:g} on all of {len(both):,} requests."
    else:
        text = "The challenger's scores vary."
    return Guardrail("constant output", not same, text)


def _scores(rows: pd.DataFrame, expected: ScoreShares | None) -> Guardrail:
    scores = rows["challenger_score"].dropna().to_numpy(np.float64)
    if expected is None or len(scores) < _MIN_SCORES:
        return Guardrail("score PSI", True, f"Too few scores to compare: {len(scores)} of {_MIN_SCORES}.")
    raw = raw_stability_index(np.array(expected.shares), _shares(scores, np.array(expected.edges)))
    # Two samples of one distribution differ by so much on average.
    noise = len(expected.edges) * (1 / len(scores) + 1 / expected.n)
    found = max(0.0, raw - noise)
    text = f"The population stability index of the challenger's scores is {found:.2f} against those it was approved on"
    return Guardrail("score PSI", found <= MAX_PSI, f"{text} (limit {MAX_PSI}).", found, MAX_PSI)


def _latency(rows: pd.DataFrame) -> Guardrail:
    both = rows[["champion_seconds", "challenger_seconds"]].dropna()
    if len(both) < _MIN_TIMES:
        return Guardrail("latency", True, f"Too few times to compare: {len(both)} of {_MIN_TIMES}.")
    before, after = (float(both[name].quantile(0.95)) for name in ("champion_seconds", "challenger_seconds"))
    limit = max(MAX_SLOWER * before, before + MIN_SECONDS_SLOWER)
    n_slow = int((both["challenger_seconds"] > limit).sum())
    took = f"at most {1000 * after:.1f} ms, of the champion's {1000 * before:.1f} ms"
    text = f"95 % of the challenger's answers took {took}."
    return Guardrail("latency", after <= limit or _may_be_chance(n_slow, len(both)), text, after, limit)


def _may_be_chance(n_slow: int, n: int) -> bool:
    """Tell whether so many slow answers of n may well come about where 5 % are slow."""
    from scipy import stats  # half a second of every process that imports it

    return bool(stats.binom.sf(n_slow - 1, n, 0.05) > _CHANCE)


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    shares: np.ndarray = counts / max(len(values), 1)
    return shares

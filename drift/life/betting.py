"""The betting score: evidence against "nothing has changed" that may be looked at after every bucket of rows.

Named experts bet on how the next bucket's counts will differ from what the reference and the healthy rows since
suggest. Each starts with one coin per row seen; while nothing changes, no way of betting makes money on average, so
a healthy column reaches a score of A at most once per A rows on average, whenever and however often one looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from drift.life.cells import Cells

SHIFTS = (0.125, 0.25, 0.5, 1.0, 2.0)
SPREADS = (0.5, 0.75, 1.33, 2.0)
# Missing values are watched by the bets alone, so a share that doubles has a bet of its own.
MISSING_ODDS = (2.0, 5.0, 50.0)
# What the reference (almost) never showed is bet to become this much more frequent.
NEW_ODDS = 50.0
# A source that dried up, a renamed category, another unit: what was never seen is now nearly everything.
FLOOD_ODDS = 1e6
# "Any shape" experts expect what recent buckets held, each bucket weighing this share of the one after it.
MEMORIES = (0.5, 0.9)
_FADING = np.array(MEMORIES)[:, None]
PRIOR_STRENGTH = 50.0
# A bet on any shape learns the drift within one large bucket and overtakes the bet that names it. People are helped
# by the name, so it explains the alarm unless it fits worse by more than this factor.
_NAME_IS_WORTH = 1_000.0
_LARGEST_SCORE = 1e250
_LARGEST_STEP = 600.0
_SMALLEST_TILT = 1e-6
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Experts:
    """What is bet on, and the odds that each expert puts on each cell.

    Attributes
    ----------
    names : in words, n_experts long
        The experts that bet on any shape come last.
    tilts : float array, shape (n_experts - 2, n_cells)
        Factors on the expected counts, above 0, before they are made to sum up.
    shapes : bool
        Whether there are the two experts of any shape; without them, every expert has its tilt.
    """

    names: tuple[str, ...]
    tilts: np.ndarray
    shapes: bool = True

    @classmethod
    def of(cls, cells: Cells) -> Self:
        """Return the experts of a column: shifts, spreads and values out of range, or single categories."""
        named = _numeric_bets(cells) if cells.kind == "numeric" else _categorical_bets(cells)
        missing = len(cells.labels) - 1
        named += [(f"missing values more often (x{odds:g})", _one(cells, missing, odds)) for odds in MISSING_ODDS]
        named.append(("nearly all values missing", _one(cells, missing, FLOOD_ODDS)))
        return cls.from_bets(named)

    @classmethod
    def from_bets(cls, bets: Sequence[tuple[str, np.ndarray]], *, shapes: bool = True) -> Self:
        """Join named bets and, with `shapes`, two that bet on whatever shape recent buckets had.

        Parameters
        ----------
        bets : pairs of a name and a float array, shape (n_cells,)
            What is bet on in words, and the factor on each cell's expected count.

        Returns
        -------
        Experts
            In the order given; factors below a millionth are raised to it.
        """
        named = tuple(name for name, _ in bets)
        any_shape = tuple(f"another shape, as in the last {round(1 / (1 - memory))} buckets" for memory in MEMORIES)
        names = named + any_shape if shapes else named
        return cls(names, np.maximum(np.array([tilt for _, tilt in bets]), _SMALLEST_TILT), shapes)


@dataclass(frozen=True, eq=False)
class Bets:
    """Where the betting on one column stands; small, and all that is needed to go on.

    Attributes
    ----------
    learned : float array, shape (n_cells,)
        Healthy rows since the reference, which sharpen what is expected.
    recent : float array, shape (2, n_cells)
        Rows of recent buckets, older ones fading.
    scores : float array, shape (n_experts,)
        Each expert's Shiryaev-Roberts statistic: the sum of what the bets begun at every row so far have made.
    ages : float array, shape (n_experts,)
        How many rows ago those bets were begun, weighted by what each has made: since when an expert would be right.
    """

    learned: np.ndarray
    recent: np.ndarray
    scores: np.ndarray
    ages: np.ndarray

    @classmethod
    def start(cls, cells: Cells, experts: Experts) -> Self:
        """Begin with nothing learned and nothing won."""
        n_cells, n_experts = len(cells.labels), len(experts.names)
        return cls(np.zeros(n_cells), np.zeros((len(MEMORIES), n_cells)), np.zeros(n_experts), np.zeros(n_experts))

    @property
    def score(self) -> float:
        """The betting score: the mean over the experts."""
        return float(self.scores.mean())


def bet(
    cells: Cells, experts: Experts, bets: Bets, counts: np.ndarray, *, phi: float = 1.0, learn: bool = True
) -> list[Bets]:
    """Go through buckets in time order and return where the bets stand after each.

    A Polya urn that starts with the reference's cell counts is the exact distribution of the next counts when rows are
    independent and nothing has changed, for a reference of any size. An expert's likelihood ratio against it has
    expectation 1, so `mean(R) - rows` with `R_j = (R_j + rows) * ratio_j` is a martingale [1]_ [2]_ and the score
    reaches A within T healthy rows with probability at most T / A.

    Parameters
    ----------
    counts : int array, shape (n_buckets, n_cells)
        Rows per cell; the order inside a bucket does not matter and buckets may differ in size.
    phi : float
        How many rows carry the information of one independent row
        (`drift.life.autocorrelation.autocorrelation_factor`).
    learn : bool
        Whether the rows count as healthy. Learning stops at an alarm.

    Returns
    -------
    list of Bets
        One after each bucket, n_buckets long. Scores are at most 1e250.

    References
    ----------
    .. [1] Shin, Ramdas and Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection".
    .. [2] Pollak (1985), "Optimal detection of a change in distribution": the Shiryaev-Roberts statistic.

    Examples
    --------
    >>> from drift.data.samples import CategoricalSample
    >>> from drift.life.cells import cells_from
    >>> cells = cells_from(CategoricalSample(np.repeat([0, 1], 500), ("no", "yes")))
    >>> experts = Experts.of(cells)
    >>> buckets = np.array([[50, 50, 0, 0], [20, 80, 0, 0]])
    >>> [f"{step.score:.3g}" for step in bet(cells, experts, Bets.start(cells, experts), buckets)]
    ['25.3', '2.15e+08']
    """
    path: list[Bets] = []
    for first in range(0, len(counts), _CHUNK):
        path += _bet_chunk(cells, experts, path[-1] if path else bets, counts[first : first + _CHUNK], phi, learn)
    return path


def winner(experts: Experts, bets: Bets) -> int:
    """Return which bet won most, one with a name unless another shape fits far better."""
    n_named = len(experts.tilts)
    best = int(bets.scores[:n_named].argmax())
    if not experts.shapes:
        return best
    shape = n_named + int(bets.scores[n_named:].argmax())
    return shape if bets.scores[shape] > _NAME_IS_WORTH * bets.scores[best] else best


def _bet_chunk(cells: Cells, experts: Experts, bets: Bets, counts: np.ndarray, phi: float, learn: bool) -> list[Bets]:
    """Go through counts of shape (n_buckets, n_cells) and return where the bets stand after each bucket."""
    n = counts / phi
    learned, recent = [bets.learned], [bets.recent]
    # One after the other, so that buckets taken one by one or at once leave the same bits.
    for row in n:
        learned.append(learned[-1] + row if learn else learned[-1])
        recent.append(_FADING * recent[-1] + row)
    mass = cells.mass / phi
    ratios = _ratios(experts.tilts, experts.shapes, mass + np.array(learned[:-1]), np.array(recent[:-1]), n)
    path, scores, ages = [], bets.scores, bets.ages
    with np.errstate(over="ignore"):  # an infinite product is cut like any other large one
        for t, rows in enumerate(counts.sum(axis=1).tolist()):
            staked = scores + rows
            ages = rows + ages * (scores / staked)
            scores = np.minimum(staked * ratios[t], _LARGEST_SCORE)
            path.append(Bets(learned[t + 1], recent[t + 1], scores, ages))
    return path


def bet_abreast(
    masses: np.ndarray, tilts: np.ndarray, bets: Sequence[Bets], counts: np.ndarray, phi: np.ndarray, learn: np.ndarray
) -> list[Bets]:
    """Take in one bucket of each of many columns that have as many cells and experts: `bet` for less overhead.

    Parameters
    ----------
    masses, counts : float and int array, shape (n_columns, n_cells)
        `Cells.mass` and the rows of the bucket.
    tilts : float array, shape (n_columns, n_experts - 2, n_cells)
    bets : where each column stands, n_columns long
    phi, learn : float and bool array, shape (n_columns,)

    Returns
    -------
    list of Bets
        Where each column stands after the bucket, n_columns long.
    """
    n = counts / phi[:, None]
    learned, recent = np.array([part.learned for part in bets]), np.array([part.recent for part in bets])
    ratios = _ratios(tilts, True, masses / phi[:, None] + learned, recent, n)
    rows = counts.sum(axis=1)[:, None]
    scores, ages = np.array([part.scores for part in bets]), np.array([part.ages for part in bets])
    staked = scores + rows
    ages = rows + ages * (scores / staked)
    with np.errstate(over="ignore"):  # as in _bet_chunk
        scores = np.minimum(staked * ratios, _LARGEST_SCORE)
    learned = np.where(learn[:, None], learned + n, learned)
    return [Bets(*parts) for parts in zip(learned, _FADING * recent + n[:, None, :], scores, ages, strict=True)]


def _ratios(tilts: np.ndarray, shapes: bool, urn: np.ndarray, recent: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the likelihood ratio of every expert's urn to the plain one, shape (n_buckets, n_experts)."""
    total = urn.sum(axis=-1, keepdims=True)
    share = urn / total
    tilted = tilts * share[:, None, :]
    tilted *= total[:, None, :] / tilted.sum(axis=-1, keepdims=True)
    shaped = PRIOR_STRENGTH * share[:, None, :] + recent
    # Never surer of its shape than the urn is: where phi came out too large, that alone would win the bet.
    shaped *= np.minimum(1.0, total[:, None, :] / shaped.sum(axis=-1, keepdims=True))
    urns = np.concatenate([tilted, *([shaped] if shapes else []), urn[:, None, :]], axis=1)
    log_p = _log_polya(urns, n[:, None, :])
    ratios: np.ndarray = np.exp(np.minimum(np.maximum(log_p[:, :-1] - log_p[:, -1:], -_LARGEST_STEP), _LARGEST_STEP))
    return ratios


def _log_polya(urn: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the log probability of counts drawn from a Polya urn, without the multinomial coefficient."""
    total, drawn = urn.sum(axis=-1), n.sum(axis=-1)
    result: np.ndarray = (gammaln(urn + n) - gammaln(urn)).sum(axis=-1) - gammaln(total + drawn) + gammaln(total)
    return result


def _numeric_bets(cells: Cells) -> list[tuple[str, np.ndarray]]:
    """Return shifts and spreads in normal scores, which any monotone change of the values leaves as they are."""
    n_inside = len(cells.labels) - 1
    share = cells.mass[:n_inside] / cells.mass[:n_inside].sum()
    upper = np.append(ndtri(np.cumsum(share)[:-1]), np.inf)
    lower = np.append(-np.inf, upper[:-1])
    moved = {
        f"values moved {'up' if sd > 0 else 'down'} by {abs(sd):g} sd": (sd, 1.0) for s in SHIFTS for sd in (s, -s)
    }
    moved |= {f"values spread {'wider' if k > 1 else 'narrower'} (x{k:g})": (0.0, k) for k in SPREADS}
    bets = []
    for name, (shift, spread) in moved.items():
        tilt = (ndtr((upper - shift) / spread) - ndtr((lower - shift) / spread)) / share
        bets.append((name, np.append(tilt, 1.0)))
    for side, at in (("below", 0), ("above", n_inside - 1)):
        bets.append((f"values {side} the reference range", _one(cells, at, NEW_ODDS)))
        bets.append((f"nearly all values {side} the reference range", _one(cells, at, FLOOD_ODDS)))
    return bets


def _categorical_bets(cells: Cells) -> list[tuple[str, np.ndarray]]:
    """Return names and tilts, each of shape (n_cells,), of what single categories may do."""
    unseen = len(cells.labels) - 2
    if not unseen:  # an id, whose values are all alike
        return []
    bets = [
        (f"'{label}' {'more' if odds > 1 else 'less'} often (x{odds:.2g})", _one(cells, at, odds))
        for at, label in enumerate(cells.labels[:unseen])
        for odds in (1.5, 1 / 1.5, 3.0)
    ]
    bets.append(("categories unseen in the reference", _one(cells, unseen, NEW_ODDS)))
    return [*bets, ("nearly all categories unseen in the reference", _one(cells, unseen, FLOOD_ODDS))]


def _one(cells: Cells, at: int, odds: float) -> np.ndarray:
    """Return the tilt, shape (n_cells,), that bets on one cell alone."""
    tilt = np.ones(len(cells.labels))
    tilt[at] = odds
    return tilt

"""A replay of the reference: how often the rule would have alarmed on rows that are healthy by definition."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from drift.data.samples import NumericSample, Sample
from drift.life.evidence import Watch, advance
from drift.life.ledger import Replay
from drift.life.rule import LifeRule

N_LIVES = 8
# The newest rows of a large reference say enough: 16 columns replay in a second.
MOST_ROWS = 20_000


def replay(
    reference: Mapping[str, Sample],
    rule: LifeRule,
    n_streams: int,
    *,
    n_lives: int = N_LIVES,
    most_rows: int = MOST_ROWS,
) -> Replay | None:
    """Watch halves of a reference against its other halves.

    The reference is laid into a ring in its time order and cut at `n_lives` places: half a turn is the reference of
    a life, the other half its stream. Blocks of neighbours stay together, so that rows that repeat each other do so in
    the replay. A reference that changes within itself alarms here as it would have then.

    Parameters
    ----------
    reference : samples of equal length in time order, by column
    n_streams : how many streams share the rule's alpha

    Returns
    -------
    Replay or None
        None for a reference of less than two halves of one bucket.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> steady, change = rng.normal(size=4_000), np.arange(4_000) >= 3_500
    >>> reference = {"steady": NumericSample(steady), "changed": NumericSample(steady + 2 * change)}
    >>> replay(reference, LifeRule(), n_streams=2).alarms
    {'steady': 0, 'changed': 4}
    """
    n = min((len(sample) for sample in reference.values()), default=0)
    half = min(n, most_rows) // 2
    if half < rule.stride:
        return None
    alarms: Counter[str] = Counter()
    n_alarmed = 0
    for life in range(n_lives):
        heard = [
            name for name, sample in reference.items() if _alarms(sample, n, half, life / n_lives, rule, n_streams)
        ]
        alarms.update(heard)
        n_alarmed += bool(heard)
    n_rows = half // rule.stride * rule.stride
    return Replay(n_lives, n_rows, n_alarmed, {name: alarms[name] for name in reference})


def _alarms(sample: Sample, n: int, half: int, turn: float, rule: LifeRule, n_streams: int) -> bool:
    """Tell whether a life alarms whose reference is the half of the ring that begins at `turn`, a share of the ring."""
    ring = n - 2 * half + np.roll(np.arange(2 * half), -round(turn * 2 * half))
    watch = Watch.over(_rows(sample, ring[:half]), rule, n_streams)
    counts = watch.cells.counts(_rows(sample, ring[half:]), rule.stride)
    return advance(watch, watch.start(), counts).evidence.alarm is not None


def _rows(sample: Sample, rows: np.ndarray) -> Sample:
    """Return the rows of a sample at positions of shape (n,)."""
    if isinstance(sample, NumericSample):
        return NumericSample(sample.values[rows])
    return replace(sample, codes=sample.codes[rows])

"""One bucket of many numeric columns at once: what `drift.life.evidence.advance` does, to the bit, at less cost."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from drift.life.betting import bet_abreast
from drift.life.evidence import Evidence, Watch
from drift.life.rule import kolmogorov_p_values


def advance_abreast(
    watches: Mapping[str, Watch], evidence: Mapping[str, Evidence], counts: Mapping[str, np.ndarray]
) -> dict[str, Evidence]:
    """Return the evidence after one bucket of those columns that have a like beside them and nothing to tell.

    Left out are columns that nothing can be shared with, and those that alarm at this bucket: `advance` is for them.

    Parameters
    ----------
    watches, evidence : by name of a column
        How each is watched, and where it stands before the bucket.
    counts : int arrays by name, shape (1, n_cells)

    Returns
    -------
    dict of Evidence
        By name, where those columns stand after the bucket.
    """
    alike: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for name, watch in watches.items():
        if watch.cells.ranked and watch.experts.shapes and watch.worse is None:
            alike[watch.experts.tilts.shape, watch.rule, watch.n_columns].append(name)
    advanced: dict[str, Evidence] = {}
    for names in alike.values():
        if len(names) > 1:
            advanced |= _together({name: watches[name] for name in names}, evidence, counts)
    return advanced


def _together(
    watches: Mapping[str, Watch], evidence: Mapping[str, Evidence], counts: Mapping[str, np.ndarray]
) -> dict[str, Evidence]:
    """Advance columns of one shape: the parts of their evidence are stacked, the first axis of each stack is theirs."""
    like = next(iter(watches.values()))
    depth = like.rule.buckets_per_window
    before = [evidence[name] for name in watches]
    new = np.concatenate([counts[name] for name in watches])
    phi = np.array([watch.phi for watch in watches.values()])
    bets = bet_abreast(
        np.array([watch.cells.mass for watch in watches.values()]),
        np.array([watch.experts.tilts for watch in watches.values()]),
        [part.bets for part in before],
        new,
        phi,
        np.array([part.alarm is None for part in before]),
    )
    windows = [np.concatenate([part.window, row[None]])[-depth:] for part, row in zip(before, new, strict=True)]
    sums = np.array([window.sum(axis=0) for window in windows])
    reference = np.array([watch.cells.reference_counts for watch in watches.values()])
    p_values = kolmogorov_p_values(reference[:, :-1] / phi[:, None], sums[:, :-1] / phi[:, None])
    full = np.array([len(window) == depth for window in windows])
    life_p = np.where(full, like.rule.life_p(p_values, like.n_columns), 1.0)
    score = np.array([part.scores for part in bets]).mean(axis=1)
    sounding = (score >= like.threshold) | (life_p <= like.rule.alpha / 2)
    rows = new.sum(axis=1)
    return {
        name: Evidence(bets[k], windows[k], part.n + int(rows[k]), float(life_p[k]), part.alarm)
        for k, (name, part) in enumerate(zip(watches, before, strict=True))
        if part.alarm is not None or not sounding[k]
    }

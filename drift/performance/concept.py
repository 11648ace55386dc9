"""Concept drift: whether predictions went wrong more often than they did on the reference. Only labels can tell."""

from dataclasses import replace

import numpy as np

from drift.data.samples import CategoricalSample
from drift.life.autocorrelation import autocorrelation_factor
from drift.life.betting import Experts
from drift.life.cells import cells_from
from drift.life.evidence import Watch
from drift.life.rule import LifeRule

# The streams that labels feed, in the order in which labels arrive.
ACCURACY, LABEL = "accuracy", "label"
# Wrong predictions become more frequent by these odds; that they become fewer is no bet and no alarm.
WORSE_ODDS = (1.25, 1.5, 2.0, 3.0, 6.0)
_RIGHT, _WRONG = 0, 1
_IMPOSSIBLE = 1e-9


def concept_watch(outcomes: CategoricalSample, rule: LifeRule, n_columns: int = 1) -> Watch:
    """Prepare to watch right and wrong predictions for more wrong ones.

    Parameters
    ----------
    outcomes : from `drift.performance.agreement.right_or_wrong`, those of the reference in time order
        Rows without a label are left out.

    Returns
    -------
    Watch
        Of which only more wrong predictions are evidence (`Watch.worse`).

    Examples
    --------
    >>> outcomes = CategoricalSample(np.repeat([0, 1], [900, 100]), ("right", "wrong"))
    >>> concept_watch(outcomes, LifeRule()).experts.names[1]
    'wrong predictions more often (odds x1.5)'
    """
    known = labelled_only(outcomes)
    # Both cells must be there, even where the reference never was wrong.
    cells = cells_from(CategoricalSample(np.array([_RIGHT, _WRONG]), outcomes.categories))
    counts = np.zeros(len(cells.labels), np.int64)
    counts[[_RIGHT, _WRONG]] = known.counts()
    mass = np.full(len(cells.labels), _IMPOSSIBLE)
    mass[[_RIGHT, _WRONG]] = np.maximum(known.counts(), 1)
    cells = replace(cells, reference_counts=counts, mass=mass)
    bets = []
    for odds in WORSE_ODDS:
        tilt = np.ones(len(cells.labels))
        tilt[_WRONG] = odds
        bets.append((f"wrong predictions more often (odds x{odds:g})", tilt))
    phi = autocorrelation_factor(cells, cells.place(known))
    return Watch(cells, Experts.from_bets(bets, shapes=False), phi, rule, n_columns, worse=_WRONG)


def label_watch(labels: CategoricalSample, rule: LifeRule, n_columns: int = 1) -> Watch:
    """Prepare to watch true classes for any change of their shares; rows without a label are left out.

    Parameters
    ----------
    labels : CategoricalSample
        Those of the reference, in time order.

    Returns
    -------
    Watch
    """
    return Watch.over(labelled_only(labels), rule, n_columns)


def labelled_only(sample: CategoricalSample) -> CategoricalSample:
    """Return the rows that are not missing.

    Parameters
    ----------
    sample : CategoricalSample

    Returns
    -------
    CategoricalSample
        In the same order, with the same categories.

    Examples
    --------
    >>> labelled_only(CategoricalSample(np.array([0, -1, 1]), ("no", "yes"))).codes
    array([0, 1], dtype=int32)
    """
    return CategoricalSample(sample.codes[sample.codes >= 0], sample.categories)

"""Concept drift by right and wrong: rarely a false alarm, none for the better, and soon where predictions get worse."""

import numpy as np
import pytest

from drift.data.samples import CategoricalSample
from drift.life.evidence import advance
from drift.life.rule import LifeRule, more_often_p_values
from drift.performance.concept import concept_watch, label_watch

RULE = LifeRule()
NAMES = ("right", "wrong")


def outcomes(rng, wrong, n):
    return CategoricalSample((rng.random(n) < wrong).astype(int), NAMES)


def alarm(watch, sample):
    return advance(watch, watch.start(), watch.cells.counts(sample, RULE.stride)).evidence.alarm


@pytest.mark.parametrize(("n_reference", "wrong"), [(500, 0.05), (5_000, 0.05), (5_000, 0.3)])
def test_a_steady_accuracy_rarely_alarms_in_20_000_labels(n_reference, wrong):
    rng = np.random.default_rng(21)
    alarms = 0
    for _ in range(40):
        watch = concept_watch(outcomes(rng, wrong, n_reference), RULE)
        alarms += alarm(watch, outcomes(rng, wrong, 20_000)) is not None
    assert alarms <= 6  # of 40 at 5 %: more in 1 of 200 runs


def test_a_better_model_never_alarms():
    rng = np.random.default_rng(22)
    for better in (0.15, 0.1, 0.0):
        watch = concept_watch(outcomes(rng, 0.2, 2_000), RULE)
        assert alarm(watch, outcomes(rng, better, 10_000)) is None


def test_a_model_that_gets_worse_is_told_and_by_which_bet():
    rng = np.random.default_rng(23)
    delays = []
    for _ in range(20):
        watch = concept_watch(outcomes(rng, 0.05, 5_000), RULE)
        healthy, worse = outcomes(rng, 0.05, 2_000).codes, outcomes(rng, 0.10, 3_000).codes
        found = alarm(watch, CategoricalSample(np.concatenate([healthy, worse]), NAMES))
        delays.append(found.row - 2_000)
    assert found.bet.startswith("wrong predictions more often")
    assert np.median(delays) <= 700


def test_a_reference_that_was_never_wrong_can_be_watched():
    watch = concept_watch(CategoricalSample(np.zeros(500, int), NAMES), RULE)
    assert watch.cells.reference_counts[:2].tolist() == [500, 0]
    assert alarm(watch, CategoricalSample(np.zeros(10_000, int), NAMES)) is None
    assert alarm(watch, CategoricalSample(np.repeat([0, 1], [500, 500]), NAMES)) is not None


def test_only_more_wrong_predictions_have_a_small_p_value():
    watch = concept_watch(CategoricalSample(np.repeat([0, 1], [900, 100]), NAMES), RULE)
    counts = np.array([[950, 50, 0, 0], [900, 100, 0, 0], [800, 200, 0, 0]])
    fewer, same, more = more_often_p_values(watch.cells, counts, 1)
    assert fewer > 0.99
    assert 0.4 < same < 0.6
    assert more < 1e-8


def test_rows_without_a_label_do_not_count():
    codes = np.array([0, -1, 1, -1] * 100)
    watch = concept_watch(CategoricalSample(codes, NAMES), RULE)
    assert watch.cells.reference_counts.sum() == 200
    assert label_watch(CategoricalSample(codes, ("a", "b")), RULE).cells.reference_counts.sum() == 200

"""Healthy lives of columns with many categories stay silent, and what is new among them is heard."""

import numpy as np
import pytest

from drift.data.samples import CategoricalSample
from drift.life.evidence import Watch, advance
from drift.life.rule import LifeRule

RULE, ROWS, LIVES, CHANGE = LifeRule(), 10_000, 3, 6_000


def shares(n_levels, power):
    weight = 1 / np.arange(1.0, n_levels + 1) ** power
    return weight / weight.sum()


def alarm_of(before, after):
    names = tuple(f"c{k}" for k in range(max(before.max(), after.max()) + 1))
    watch = Watch.over(CategoricalSample(before, names), RULE)
    counts = watch.cells.counts(CategoricalSample(after, names), RULE.stride)
    return advance(watch, watch.start(), counts).evidence.alarm


@pytest.mark.parametrize(
    ("n_levels", "power", "n_reference"),
    [
        (64, 0, 200), (64, 0, 5_000), (65, 0, 500), (64, 1, 200), (100, 0, 500), (200, 0, 200), (200, 0, 500),
        (200, 0, 5_000), (200, 1, 500), (1_000, 1.5, 500), (1_000, 1.5, 5_000), (2_000, 0, 5_000), (2_000, 1, 500),
    ],
)  # fmt: skip
def test_healthy_categories_do_not_alarm(n_levels, power, n_reference):
    share = shares(n_levels, power)
    for life in range(LIVES):
        rng = np.random.default_rng([n_levels, int(10 * power), n_reference, life])
        alarm = alarm_of(rng.choice(n_levels, n_reference, p=share), rng.choice(n_levels, ROWS, p=share))
        assert alarm is None


@pytest.mark.parametrize("n_reference", [200, 2_000])
def test_ids_do_not_alarm(n_reference):
    assert alarm_of(np.arange(n_reference), np.arange(n_reference, n_reference + ROWS)) is None


@pytest.mark.parametrize("n_reference", [5_000, 20_000])
def test_a_new_category_of_one_percent_is_heard(n_reference):
    delays = []
    for life in range(3):
        rng = np.random.default_rng([n_reference, life])
        before = rng.integers(0, 200, n_reference)
        new = (rng.random(ROWS) < 0.01) & (np.arange(ROWS) >= CHANGE)
        alarm = alarm_of(before, np.where(new, 200, rng.integers(0, 200, ROWS)))
        delays.append(np.inf if alarm is None else alarm.row - CHANGE)
    assert np.median(delays) <= 1_500


def test_one_of_many_categories_that_grows_tenfold_is_heard():
    rng = np.random.default_rng(7)
    after = np.where(rng.random(6_000) < 0.045, 7, rng.integers(0, 200, 6_000))
    alarm = alarm_of(rng.integers(0, 200, 5_000), after)
    assert alarm.row <= 2_000

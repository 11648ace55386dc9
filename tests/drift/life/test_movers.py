"""An alarm is told by what rang."""

import numpy as np
import pytest

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.cells import cells_from
from drift.life.evidence import Watch, advance
from drift.life.movers import largest_mover
from drift.life.rule import LifeRule

# Bets that need a million times the usual evidence: the window's test rings first.
DEAF_BETS = LifeRule(horizon=20_000)


class Deaf(Watch):
    @property
    def threshold(self):
        return np.inf


def alarm_of(reference, stream, cls=Deaf):
    watch = cls.over(reference, DEAF_BETS)
    return advance(watch, watch.start(), watch.cells.counts(stream, 100)).evidence.alarm


def test_a_window_alarm_begins_with_its_window_and_names_where_the_values_are():
    rng = np.random.default_rng(3)
    stream = np.concatenate([rng.normal(size=4_000), rng.normal(0.5, 1, size=2_000)])
    alarm = alarm_of(NumericSample(rng.normal(size=5_000)), NumericSample(stream))
    assert alarm.trigger == "window"
    assert alarm.row - alarm.onset == 1_000
    assert 4_000 <= alarm.row <= 4_900
    assert alarm.bet.startswith("fewer values below ")


@pytest.mark.parametrize("seed", range(4))
def test_no_alarm_speaks_of_missing_values_where_there_are_none(seed):
    rng = np.random.default_rng(seed)
    moved = rng.choice(5, 3_000, p=[0.4, 0.15, 0.15, 0.15, 0.15])
    names = tuple("abcde")
    alarm = alarm_of(CategoricalSample(rng.integers(0, 5, 5_000), names), CategoricalSample(moved, names))
    assert alarm.trigger == "window"
    assert alarm.bet.startswith("'a' more often (")


def test_the_largest_mover_is_found_in_few_values_and_beyond_the_reference():
    few = cells_from(NumericSample(np.repeat([1.0, 2.0, 3.0], 100)))
    window = np.zeros(len(few.labels), int)
    window[-2], window[1] = 30, 70
    assert largest_mover(few, window) == "values above the reference range more often (0 % -> 30 %)"
    letters = cells_from(CategoricalSample(np.repeat([0, 1], 50), ("a", "b")))
    assert largest_mover(letters, np.array([10, 10, 80, 0])).startswith("categories unseen in the reference more often")

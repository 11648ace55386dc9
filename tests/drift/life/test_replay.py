import numpy as np

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.replay import replay
from drift.life.rule import LifeRule

RULE = LifeRule()


def test_halves_of_a_steady_reference_do_not_alarm_against_each_other():
    rng = np.random.default_rng(1)
    heard = replay(
        {
            "x": NumericSample(rng.normal(size=5_000)),
            "c": CategoricalSample(rng.integers(0, 4, 5_000), tuple("abcd")),
        },
        RULE,
        n_streams=2,
    )
    assert heard is not None
    assert (heard.n_lives, heard.n_rows, heard.n_alarmed, dict(heard.alarms)) == (8, 2_500, 0, {"x": 0, "c": 0})


def test_a_reference_that_changes_once_alarms_in_the_lives_that_see_it():
    rng = np.random.default_rng(2)
    values = rng.normal(size=6_000)
    values[5_000:] += 2
    heard = replay({"x": NumericSample(values)}, RULE, n_streams=1)
    assert heard is not None
    assert 1 <= heard.n_alarmed <= heard.n_lives


def test_the_newest_rows_of_a_long_reference_are_replayed_in_whole_buckets():
    values = np.concatenate([np.full(20_000, 9.0), np.random.default_rng(3).normal(size=2_050)])
    heard = replay({"x": NumericSample(values)}, RULE, n_streams=1, n_lives=2, most_rows=2_050)
    assert heard is not None
    assert (heard.n_lives, heard.n_rows, heard.n_alarmed) == (2, 1_000, 0)


def test_too_short_a_reference_has_no_replay():
    assert replay({"x": NumericSample(np.arange(199.0))}, RULE, n_streams=1) is None
    assert replay({}, RULE, n_streams=1) is None

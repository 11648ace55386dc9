import numpy as np

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.abreast import advance_abreast
from drift.life.evidence import Watch, advance
from drift.life.rule import LifeRule

RULE = LifeRule()


def columns(n, rng):
    """Return columns of which some are alike, some drift, and two are like nothing else."""
    moved = np.arange(n) >= n // 2
    gaps = np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2, size=n))
    return {
        "steady": NumericSample(rng.normal(size=n)),
        "shifted": NumericSample(rng.normal(size=n) + moved),
        "gaps": NumericSample(gaps),
        "wandering": NumericSample(np.convolve(rng.normal(size=n + 9), np.ones(10), "valid")),
        "few": NumericSample(rng.integers(0, 5, n)),
        "kind": CategoricalSample(rng.integers(0, 3, n), tuple("abc")),
    }


def test_columns_abreast_leave_the_same_bytes_as_one_by_one():
    rng = np.random.default_rng(1)
    reference = columns(4_000, rng)
    reference["shifted"] = NumericSample(rng.normal(size=4_000))
    watches = {name: Watch.over(sample, RULE, n_columns=6) for name, sample in reference.items()}
    assert watches["wandering"].phi > 2
    stream = {name: watches[name].cells.counts(sample, 100) for name, sample in columns(6_000, rng).items()}
    one_by_one = {name: watch.start() for name, watch in watches.items()}
    abreast = dict(one_by_one)
    n_shared = 0
    for k in range(60):
        bucket = {name: counts[k : k + 1] for name, counts in stream.items()}
        shared = advance_abreast(watches, abreast, bucket)
        n_shared += len(shared)
        for name, watch in watches.items():
            one_by_one[name] = advance(watch, one_by_one[name], bucket[name]).evidence
            abreast[name] = shared.get(name) or advance(watch, abreast[name], bucket[name]).evidence
            assert abreast[name].to_bytes() == one_by_one[name].to_bytes()
            assert abreast[name].alarm == one_by_one[name].alarm
    assert one_by_one["shifted"].alarm is not None
    assert n_shared == 4 * 60 - 1  # all but the bucket that alarms


def test_a_column_alone_has_nothing_to_share():
    rng = np.random.default_rng(2)
    watch = Watch.over(NumericSample(rng.normal(size=1_000)), RULE)
    counts = watch.cells.counts(NumericSample(rng.normal(size=100)), 100)
    assert advance_abreast({"x": watch}, {"x": watch.start()}, {"x": counts}) == {}

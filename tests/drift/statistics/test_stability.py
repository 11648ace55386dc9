"""The population stability index: known values, what must not change it, and its bins."""

import numpy as np
import pytest

from drift.statistics.stability import population_stability, quantile_bin_counts, stability_index

RNG = np.random.default_rng(41)


def test_population_stability_knows_the_published_answer():
    # Samples 3, 2, 2 and 1, 2, 3 as counts of 1, 2 and 3; empty bins hold .0001.
    assert population_stability([0, 2, 1], [1, 1, 1], 1e-4) == pytest.approx(2.934147, abs=1e-6)
    assert population_stability([5, 5], [50, 50]) == 0


def test_population_stability_does_not_care_which_sample_comes_first():
    a, b = [40, 30, 30], [20, 50, 30]
    assert population_stability(a, b) == pytest.approx(population_stability(b, a))


def test_the_bins_of_the_reference_hold_equal_shares_of_it():
    reference, current = np.sort(RNG.normal(size=5_000)), np.sort(RNG.normal(1, 1, size=500))
    counts, moved = quantile_bin_counts(reference, current)
    assert counts.sum() == 5_000
    assert moved.sum() == 500
    assert np.ptp(counts) <= 1
    assert population_stability(counts, moved) > 0.5


def test_the_stability_index_of_a_healthy_column_does_not_grow_with_its_bins():
    rng = np.random.default_rng(45)
    share = 1 / np.arange(1.0, 61.0)
    p = share / share.sum()
    found = [stability_index(rng.multinomial(5_000, p), rng.multinomial(500, p)) for _ in range(40)]
    assert np.mean(found) < 0.08
    assert stability_index([500, 500], [300, 700]) == pytest.approx(
        population_stability([500, 500], [300, 700]) - 0.002
    )

"""The grid of counts: whatever the numbers, its bounds hold the exact KS distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from drift.data.samples import NumericReference, NumericSample
from drift.statistics.grid import N_CELLS, cell_counts, distances_on_grid, grid_edges, largest_open_share
from drift.statistics.kolmogorov_smirnov import ks_statistic

NUMBERS = st.one_of(
    st.floats(allow_nan=False, width=32),
    st.sampled_from([0.0, -0.0, 1.0, np.inf, -np.inf, np.nextafter(1.0, 2), 1e308, -1e308, 5e-324]),
)


def reference_of(values):
    return NumericReference.from_sample(NumericSample(np.asarray(values, float)))


def bounds(reference, *windows):
    edges = grid_edges(reference)
    up_to = np.array([np.cumsum(cell_counts(np.sort(window), edges)) for window in windows])
    counts = cell_counts(reference.ordered, edges)
    found = distances_on_grid(np.cumsum(counts) / reference.ordered.size, up_to)
    return *found, largest_open_share(counts, edges)


@settings(max_examples=300, deadline=None)
@given(
    reference=arrays.arrays(np.float64, st.integers(21, 60), elements=NUMBERS),
    window=arrays.arrays(np.float64, st.integers(1, 60), elements=NUMBERS),
)
def test_the_bounds_hold_the_exact_distance(reference, window):
    lower, _, _, bound = bounds(reference_of(reference), window)
    exact = ks_statistic(np.sort(reference), np.sort(window))[0]
    assert lower[0] - 1e-12 <= exact <= lower[0] + bound + 1e-12


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.5])
@pytest.mark.parametrize("drawn", ["normal", "rounded", "mostly zero"])
def test_the_bound_is_as_narrow_as_the_largest_cell(shift, drawn):
    rng = np.random.default_rng(4)

    def draw(n, shift=0.0):
        values = rng.normal(shift, 1, n)
        if drawn == "rounded":
            return np.round(values, 2)
        return np.where(rng.random(n) < 0.8, 0.0, values) if drawn == "mostly zero" else values

    reference = reference_of(draw(50_000))
    windows = [draw(20_000, shift) for _ in range(40)]
    edges = grid_edges(reference)
    lower, _, _, bound = bounds(reference, *windows)
    for window, low in zip(windows, lower, strict=True):
        exact = ks_statistic(reference.ordered, np.sort(window))[0]
        assert low - 1e-12 <= exact <= low + bound + 1e-12
    # A cell holds a 1,024th of the reference, or two where a frequent value stands between.
    assert bound <= 2 / N_CELLS
    assert edges.size < 2 * N_CELLS


def test_the_edge_and_side_are_those_of_the_distance():
    reference = reference_of(np.arange(1000.0))
    lower, edge, reference_leads, _ = bounds(reference, np.arange(300.0, 1000.0), np.arange(700.0))
    assert lower == pytest.approx([0.3, 0.3])
    assert grid_edges(reference)[edge].tolist() == [299.0, 699.0]
    assert reference_leads.tolist() == [True, False]


def test_every_value_lies_in_one_cell_and_missing_ones_in_none():
    reference = reference_of(np.random.default_rng(1).normal(size=3_000))
    values = np.array([-np.inf, -1e308, 0.0, reference.ordered[0], reference.ordered[-1], 1e308, np.inf, np.nan])
    counts = cell_counts(np.sort(values), grid_edges(reference))
    assert counts.sum() == 7
    assert (counts[0], counts[-1]) == (1, 1)  # each infinity has a cell of its own


def test_a_frequent_value_has_a_cell_that_hides_nothing():
    values = np.concatenate([np.zeros(5_000), np.linspace(-1, 1, 5_001)])
    edges = grid_edges(reference_of(values))
    assert edges[np.searchsorted(edges, 0.0)] == 0.0
    # The cell of the zeros holds half of the rows, and yet no cell leaves more than this open.
    assert largest_open_share(cell_counts(np.sort(values), edges), edges) <= 2 / N_CELLS


def test_a_reference_without_a_value_has_a_grid_too():
    edges = grid_edges(reference_of([np.nan, np.nan]))
    assert cell_counts(np.array([-np.inf, 0.0, 5.0, np.inf]), edges).tolist() == [1, 2, 1]

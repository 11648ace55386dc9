"""Bins that two samples share."""

import numpy as np
import pytest

from drift.data.samples import CategoricalSample, NumericSample, reference_from
from drift.statistics.distribution import MAX_BINS, MAX_CATEGORIES, distribution

RNG = np.random.default_rng(31)


def numeric(values):
    return NumericSample(np.asarray(values, float))


@pytest.mark.parametrize("bins", [3, 17, MAX_BINS])
def test_every_value_lies_in_a_bin_whatever_the_window_holds(bins):
    reference = numeric(RNG.normal(size=2_000))
    current = numeric([*RNG.normal(5, 9, size=500), np.inf, -np.inf, np.nan])
    shared = distribution(reference, current, bins)
    assert len(shared.edges) == bins + 1 == len(shared.reference_share) + 1
    assert shared.reference_share.sum() == pytest.approx(1)
    assert shared.current_share.sum() == pytest.approx(1)
    assert (shared.n_reference, shared.n_current) == (2_000, 502)


def test_the_bins_are_those_of_the_reference_alone():
    reference = reference_from(numeric(RNG.normal(size=2_000)))
    edges = [distribution(reference, numeric(RNG.normal(k, 1, 300))).edges for k in range(3)]
    np.testing.assert_array_equal(edges[0], edges[1])
    np.testing.assert_array_equal(edges[0], edges[2])


def test_one_far_value_does_not_squeeze_the_others_into_one_bin():
    shared = distribution(numeric([*RNG.normal(size=2_000), 1e9]), numeric(RNG.normal(size=300)))
    assert shared.edges[-1] < 10
    assert shared.reference_share.max() < 0.2


def test_whole_numbers_get_bins_of_whole_width():
    shared = distribution(numeric(RNG.integers(0, 300, 5_000)), numeric(RNG.integers(0, 300, 500)))
    assert set(np.diff(shared.edges)) == {8.0}
    assert shared.reference_share.min() > 0  # bins of unequal numbers of integers would look like a comb


def test_few_different_numbers_are_shown_one_by_one_and_new_ones_together():
    shared = distribution(numeric([1, 2, 2, 5] * 50), numeric([1, 1, 7, 8] * 10))
    assert (shared.kind, shared.categories) == ("categorical", ("1", "2", "5", "others"))
    assert shared.reference_share.tolist() == [0.25, 0.5, 0.25, 0]
    assert shared.current_share.tolist() == [0.5, 0, 0, 0.5]


def test_categories_come_by_their_frequency_in_the_reference():
    names = ("rare", "common", "new")
    shared = distribution(
        CategoricalSample(np.repeat([0, 1], [10, 90]), names), CategoricalSample(np.repeat([0, 2, -1], 50), names)
    )
    assert shared.categories == ("common", "rare", "new")
    assert shared.reference_share.tolist() == [0.9, 0.1, 0]
    assert shared.current_share.tolist() == [0, 0.5, 0.5]
    assert shared.n_current == 100


def test_of_many_categories_those_that_moved_most_are_shown():
    names = tuple(f"c{k}" for k in range(101))
    reference = CategoricalSample(np.repeat(np.arange(100), np.arange(100, 0, -1)), names)
    shared = distribution(reference, CategoricalSample(np.array([100] * 30 + [99] * 20), names))
    assert len(shared.categories) <= MAX_CATEGORIES
    assert {"c99", "c100", "c0"} <= set(shared.categories)  # the rare one that came up, the new one, the most frequent
    assert shared.categories[-1] == "others"
    assert shared.current_share[shared.categories.index("c100")] == 0.6
    assert shared.current_share[shared.categories.index("c99")] == 0.4
    assert shared.current_share[-1] == 0


@pytest.mark.parametrize("values", [[], [np.nan] * 5])
def test_an_empty_side_has_no_shares(values):
    shared = distribution(numeric(RNG.normal(size=100)), numeric(values))
    assert (shared.n_current, shared.current_share.sum()) == (0, 0)
    assert distribution(numeric(values), numeric(RNG.normal(size=100))).n_reference == 0


def test_infinite_values_alone_have_bins_too():
    shared = distribution(numeric([np.inf] * 30 + [-np.inf] * 30), numeric([np.inf] * 10))
    assert shared.current_share.sum() == pytest.approx(1)


@pytest.mark.parametrize("bins", [2, 41])
def test_bins_beyond_the_limits_are_refused(bins):
    with pytest.raises(ValueError, match=f"bins must be 3 to 40; got {bins}"):
        distribution(numeric(RNG.normal(size=100)), numeric([1.0]), bins)


def test_two_kinds_are_refused():
    with pytest.raises(ValueError, match="must be of one kind"):
        distribution(numeric([1.0, 2.0]), CategoricalSample(np.array([0]), ("a",)))

import numpy as np
import pytest

from drift.data.samples import CategoricalSample, NumericSample
from drift.life.betting import Experts
from drift.life.cells import MAX_CATEGORIES, cells_from


def numeric(*values: float) -> NumericSample:
    return NumericSample(np.array(values))


def test_a_continuous_reference_has_one_spacing_more_than_rows():
    rng = np.random.default_rng(1)
    cells = cells_from(NumericSample(rng.normal(size=500)))
    assert len(cells.labels) == 23  # below, 20 between 21 order statistics, above; missing
    assert cells.mass[:-1].sum() == 501
    assert cells.mass[1:-2] == pytest.approx(500 / 20, abs=1)


def test_what_is_out_of_range_missing_or_infinite_has_cells_of_its_own():
    cells = cells_from(NumericSample(np.arange(100.0)))
    placed = cells.place(numeric(-1, -np.inf, 99, 100, np.inf, np.nan, 0))
    below, above, missing = 0, len(cells.labels) - 2, len(cells.labels) - 1
    assert placed.tolist() == [below, below, above, above, above, missing, 1]


def test_few_different_values_get_a_cell_each_and_a_new_largest_value_is_above():
    cells = cells_from(numeric(*[1.0] * 30, *[2.0] * 60, *[5.0] * 10))
    assert cells.reference_counts.tolist() == [0, 30, 60, 10, 0, 0]
    assert cells.place(numeric(1, 2, 5, 6)).tolist() == [1, 2, 3, 4]
    assert not cells.ranked


def test_a_constant_may_come_back_through_another_rounding():
    cells = cells_from(numeric(*[0.3] * 50))
    assert cells.place(numeric(0.3, 0.1 + 0.2, 0.30001, 0.29999)).tolist() == [1, 1, 2, 0]


def test_a_reference_without_values_still_has_cells():
    cells = cells_from(numeric(np.nan, np.nan))
    assert cells.place(numeric(1.0, np.nan)).tolist() == [0, 1]
    assert cells.mass.tolist() == [1, 2]


@pytest.mark.parametrize("transform", [np.exp, lambda x: 3 * x - 7, np.arctan])
def test_cells_do_not_depend_on_the_unit_of_measurement(transform):
    rng = np.random.default_rng(2)
    reference, stream = rng.normal(size=1_000), rng.normal(size=500)
    plain, changed = cells_from(NumericSample(reference)), cells_from(NumericSample(transform(reference)))
    np.testing.assert_array_equal(plain.place(NumericSample(stream)), changed.place(NumericSample(transform(stream))))


def test_unseen_categories_have_the_mass_of_the_singletons():
    codes = np.array([0] * 10 + [1] * 5 + [2, 3, 4])
    cells = cells_from(CategoricalSample(codes, ("a", "b", "c", "d", "e", "never")))
    assert cells.labels == ("a", "b", "c", "d", "e", "unseen", "missing")
    assert cells.mass.tolist() == [10, 5, 1, 1, 1, 3, 1]


def test_a_category_that_came_after_the_reference_is_unseen_however_the_dictionary_grew():
    reference = CategoricalSample(np.array([0, 1, 1, -1]), ("a", "b"))
    cells = cells_from(reference)
    grown = cells_from(CategoricalSample(reference.codes, ("a", "b", "c", "d")))
    later = CategoricalSample(np.array([0, 3, 2, 1, -1]), ("a", "b", "c", "d"))
    assert cells.labels == grown.labels
    assert cells.place(later).tolist() == grown.place(later).tolist() == [0, 2, 2, 1, 3]


def test_rare_categories_share_a_cell_when_there_are_very_many():
    counts = np.arange(1, 201)[::-1]
    cells = cells_from(CategoricalSample(np.repeat(np.arange(200), counts), tuple(f"c{k}" for k in range(200))))
    assert len(cells.labels) == MAX_CATEGORIES + 2
    assert cells.is_split


def test_many_categories_are_chosen_by_one_half_of_the_reference_and_counted_on_the_other():
    rng = np.random.default_rng(1)
    reference = CategoricalSample(rng.integers(0, 200, 5_000), tuple(f"c{k}" for k in range(200)))
    cells = cells_from(reference)
    placed = cells.place_reference(reference)
    assert placed.size == 2_500
    assert np.bincount(placed, minlength=len(cells.labels)).tolist() == cells.reference_counts.tolist()
    groups = [n for label, n in zip(cells.labels, cells.reference_counts, strict=True) if label.startswith("other")]
    assert len(groups) == 16
    assert max(groups) < 1.5 * min(groups)
    # Were they chosen by the counts that they show, each would show more than its part.
    own = cells.reference_counts[:48].mean()
    assert abs(own - 12.5) < 3 * np.sqrt(12.5 / 48)


def test_an_id_is_one_cell_of_which_only_missing_values_tell():
    rng = np.random.default_rng(2)
    codes = np.where(rng.random(1_000) < 0.1, -1, np.arange(1_000))
    cells = cells_from(CategoricalSample(codes, tuple(f"id{k}" for k in range(1_000))))
    assert cells.labels == ("unseen", "missing")
    later = CategoricalSample(np.array([5, 5_000, -1]), tuple(f"id{k}" for k in range(6_000)))
    assert cells.place(later).tolist() == [0, 0, 1]
    assert all("missing" in name or "shape" in name for name in Experts.of(cells).names)


def test_only_full_buckets_are_counted():
    cells = cells_from(NumericSample(np.arange(100.0)))
    counts = cells.counts(NumericSample(np.arange(95.0)), stride=30)
    assert counts.sum(axis=1).tolist() == [30, 30, 30]


def test_a_sample_of_the_other_kind_is_refused():
    with pytest.raises(ValueError, match="sample must be numeric"):
        cells_from(numeric(1, 2)).place(CategoricalSample(np.array([0]), ("a",)))

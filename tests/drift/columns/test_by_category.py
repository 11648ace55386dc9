"""A column within each category of another one."""

import numpy as np
import pytest

from drift.columns.by_category import MOST_PARTS, compare_parts
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalSample, NumericSample

POLICY = DriftPolicy()


def numbers(n_each, categories, moved=()):
    """Normal values, a standard deviation higher where the category is one of the moved ones."""
    rng = np.random.default_rng(11)
    codes = np.tile(np.arange(categories), n_each)
    values = rng.normal(size=codes.size) + np.isin(codes, moved)
    return NumericSample(values), CategoricalSample(codes, tuple(f"c{k}" for k in range(categories)))


def test_a_move_in_one_category_is_found_there_and_nowhere_else():
    parts = compare_parts(numbers(400, 4), numbers(400, 4, moved=[2]), POLICY)
    assert [part.column for part in parts if part.verdict == "drift"] == ["c2"]
    assert {part.n for part in parts} == {400}


def test_rows_without_a_category_are_in_no_part():
    values, by = numbers(400, 2)
    codes = by.codes.copy()
    codes[:100] = -1
    parts = compare_parts((values, by), (values, CategoricalSample(codes, by.categories)), POLICY)
    assert sum(part.n for part in parts) == 700


def test_a_category_that_the_reference_has_hardly_seen_says_so():
    values, by = numbers(400, 2)
    few = CategoricalSample(np.where(np.arange(800) < 790, 0, 1), by.categories)
    parts = {part.column: part for part in compare_parts((values, few), (values, by), POLICY)}
    assert parts["c1"].verdict == "insufficient"
    assert parts["c1"].n_reference == 10


def test_only_the_most_frequent_categories_are_looked_at():
    values, by = numbers(60, MOST_PARTS + 5)
    assert len(compare_parts((values, by), (values, by), POLICY)) == MOST_PARTS


def test_without_rows_there_are_no_parts():
    nothing = NumericSample(np.empty(0)), CategoricalSample(np.empty(0, int), ("a",))
    assert compare_parts(numbers(50, 1), nothing, POLICY) == ()


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_p_values_are_adjusted_over_the_categories(kind):
    rng = np.random.default_rng(3)
    by = CategoricalSample(rng.integers(0, 10, 6_000), tuple("abcdefghij"))
    n_heard = 0
    for _ in range(40):
        if kind == "numeric":
            before, now = (NumericSample(rng.normal(size=6_000)) for _ in range(2))
        else:
            before, now = (CategoricalSample(rng.integers(0, 3, 6_000), ("x", "y", "z")) for _ in range(2))
        parts = compare_parts((before, by), (now, by), POLICY)
        n_heard += any(part.verdict != "stable" for part in parts)
    assert n_heard <= 3  # of 40 looks at ten healthy parts each, alpha .01 for a whole look

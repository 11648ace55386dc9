"""What tests of drift/ share: a prediction log in memory, and samples of plain values."""

from collections.abc import Callable

import pytest

from drift.data.samples import Sample
from drift.data.windows import Column
from tests.drift.array_source import ArraySource, sample_of


@pytest.fixture
def array_source() -> Callable[..., ArraySource]:
    """Return a function of (columns, values, references) that builds a Source for the model "m"."""
    return lambda columns, values, references=None: ArraySource(
        columns, values, {"training": 500} if references is None else references
    )


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """Return a function of (kind, values) that builds a sample."""
    return lambda kind, values: sample_of(Column("x", kind), values)

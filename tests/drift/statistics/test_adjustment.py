"""Adjusted p-values: those of SciPy, and a NaN is refused."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.adjustment import benjamini_hochberg

RNG = np.random.default_rng(11)


def test_adjusted_p_values_are_those_of_scipy():
    p_values = RNG.random(40) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p_values), stats.false_discovery_control(p_values))
    assert benjamini_hochberg([]).size == 0
    with pytest.raises(ValueError, match="p_values must be numbers"):
        benjamini_hochberg([0.1, np.nan])

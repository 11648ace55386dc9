"""What sizes of samples can tell: the distance at which the tests begin to alarm."""

import numpy as np
import pytest
from scipy import stats

from drift.statistics.chi_squared import chi_squared_test
from drift.statistics.kolmogorov_smirnov import ks_test
from drift.statistics.power import shift_in_sd, smallest_visible_distance


def test_the_smallest_visible_distance_is_where_the_test_begins_to_alarm():
    reference = np.arange(5_000.0)
    d = smallest_visible_distance(5_000, 400, alpha=0.01)
    window = np.linspace(0, 4_999, 400)
    assert ks_test(reference, window + 1.1 * d * 5_000).p_value < 0.01
    assert ks_test(reference, window + 0.85 * d * 5_000).p_value > 0.01
    moved = smallest_visible_distance(5_000, 400, alpha=0.01, df=1)
    for factor, alarms in ((1.1, True), (0.9, False)):
        share = 0.5 + factor * moved
        result = chi_squared_test([2_500, 2_500], [400 * share, 400 * (1 - share)])
        assert (result.p_value < 0.01) == alarms


@pytest.mark.parametrize("shift", [0.1, 0.5, 2.0])
def test_a_distance_in_words_is_the_shift_that_made_it(shift):
    distance = 2 * stats.norm.cdf(shift / 2) - 1
    assert shift_in_sd(distance) == pytest.approx(shift)
    assert np.isfinite(shift_in_sd(1.0))

import numpy as np
import pytest

from seed.shop_time import ROWS_PER_DAY, positions_of, times_of


def test_a_week_of_the_shop_has_seven_days_of_rows_and_busy_evenings():
    times = times_of(np.arange(10 * 7 * ROWS_PER_DAY) + 0.5)
    assert times.is_monotonic_increasing
    per_hour = np.bincount(times.hour, minlength=24)
    assert per_hour[19] > 5 * per_hour[3]
    weeks = (times - times[0]).days // 7
    np.testing.assert_array_equal(np.bincount(weeks), np.full(10, 7 * ROWS_PER_DAY))


def test_positions_and_times_lead_back_to_each_other():
    positions = np.random.default_rng(3).uniform(0, 100_000, 5_000)
    assert positions_of(times_of(positions)) == pytest.approx(positions, abs=1e-3)


def test_a_label_that_never_comes_has_no_position():
    times = times_of(np.array([5.0, 6.0])).where([True, False])
    assert positions_of(times)[0] == pytest.approx(5.0)
    assert np.isnan(positions_of(times)[1])

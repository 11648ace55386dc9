from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from seed.demo import Plan, planned_rows
from seed.scenarios import SCENARIOS, Shape, drift_progress, request_times, strengths

END = datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
ONSET = END - timedelta(days=10)


@cache
def rows(scenario: str = "none", **settings) -> pd.DataFrame:
    return planned_rows(Plan(scenario=scenario, **settings), END)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    again = planned_rows(Plan(scenario="vocabulary"), END)
    pd.testing.assert_frame_equal(rows("vocabulary"), again)
    assert not rows("vocabulary", seed=8)["text"].equals(rows("vocabulary")["text"])


@pytest.mark.parametrize("scenario", sorted(SCENARIOS.keys() - {"seasonal"}))
def test_nothing_differs_between_scenarios_before_the_drift(scenario):
    plain, drifting = rows(), rows(scenario)
    before = plain["predicted_at"] < ONSET
    columns = ["predicted_at", "text", "channel", "region", "device", "price", "sentiment"]
    pd.testing.assert_frame_equal(plain.loc[before, columns], drifting.loc[before, columns])


def test_concept_drift_leaves_every_input_as_it_was():
    plain, drifting = rows(), rows("concept")
    inputs = ["predicted_at", "text", "channel", "region", "device", "price"]
    pd.testing.assert_frame_equal(plain[inputs], drifting[inputs])
    turned = plain["sentiment"] != drifting["sentiment"]
    assert set(drifting.loc[turned, "sentiment"]) == {"positive"}
    assert 0.1 < turned[plain["predicted_at"] >= ONSET].mean() < 0.2


def test_label_drift_moves_the_share_of_positive_reviews():
    drifting = rows("label")
    positive = drifting["sentiment"] == "positive"
    after = drifting["predicted_at"] >= ONSET
    assert positive[~after].mean() == pytest.approx(0.5, abs=0.02)
    assert positive[after].mean() == pytest.approx(0.75, abs=0.03)


def test_the_rhythm_has_always_been_there_and_leaves_texts_and_truth_alone():
    plain, seasonal = rows(), rows("seasonal")
    pd.testing.assert_frame_equal(
        plain[["predicted_at", "text", "sentiment"]], seasonal[["predicted_at", "text", "sentiment"]]
    )
    times = seasonal["predicted_at"].dt
    evening, morning = times.hour.between(18, 22), times.hour.between(6, 10)
    weekend = times.day_of_week >= 5
    app = seasonal["channel"] == "app"
    for part in (seasonal["predicted_at"] < ONSET, seasonal["predicted_at"] >= ONSET):
        assert app[part & evening].mean() > app[part & morning].mean() + 0.15
        assert app[part & weekend].mean() > app[part & ~weekend].mean() + 0.05
    assert seasonal["price"][evening].median() < 0.95 * seasonal["price"][morning].median()
    assert app[seasonal["predicted_at"] < ONSET].mean() == pytest.approx(
        app[seasonal["predicted_at"] >= ONSET].mean(), abs=0.04
    )


@pytest.mark.parametrize("scenario", ["sensor", "sensor_stuck", "sensor_shifted"])
def test_a_broken_feed_changes_the_price_and_nothing_else(scenario):
    plain, broken = rows(), rows(scenario)
    pd.testing.assert_frame_equal(plain.drop(columns="price"), broken.drop(columns="price"))
    after = plain["predicted_at"] >= ONSET
    before, now = plain.loc[after, "price"], broken.loc[after, "price"]
    expected = {"sensor": before * np.nan, "sensor_stuck": before * 0 + 49.9, "sensor_shifted": before * 100}[scenario]
    known = before.notna()
    np.testing.assert_allclose(now[known], expected[known])


def test_a_feed_that_breaks_for_some_rows_leaves_the_others_as_they_were():
    broken = rows("sensor", strength=0.3)
    after = broken["predicted_at"] >= ONSET
    assert broken.loc[after, "price"].isna().mean() == pytest.approx(0.3 + 0.7 * 0.02, abs=0.04)


def test_a_recurring_drift_comes_and_goes():
    changed = rows("vocabulary", shape="recurring")["text"] != rows()["text"]
    ages = (rows()["predicted_at"] - ONSET) / timedelta(days=1)
    shares = [changed[(ages >= day) & (ages < day + 2.5)].mean() for day in (-2.5, 0, 2.5, 5, 7.5)]
    assert shares[0] == 0
    # Two rounds until the last row, which comes a little before the end.
    assert max(shares[2], shares[4]) < 0.01
    assert min(shares[1], shares[3]) > 0.6


def test_a_span_says_how_long_a_drift_grows_however_far_the_rows_reach():
    times = pd.date_range(ONSET, periods=21, freq="D", tz="UTC")
    grown = drift_progress(times, ONSET, "gradual", timedelta(days=10))
    assert grown.tolist() == [min(day / 10, 1.0) for day in range(21)]
    pd.testing.assert_index_equal(times[:3], pd.date_range(ONSET, periods=3, freq="D", tz="UTC"))
    assert drift_progress(times[:3], ONSET, "gradual", timedelta(days=10)).tolist() == grown[:3].tolist()


@pytest.mark.parametrize("shape", get_args(Shape))
def test_a_rhythm_knows_no_onset_and_no_shape(shape):
    times = pd.date_range(END - timedelta(days=60), END, periods=50)
    assert strengths(SCENARIOS["seasonal"], times, ONSET, shape, 0.4).tolist() == [0.4] * 50
    drifting = strengths(SCENARIOS["label"], times, ONSET, shape, 0.4)
    assert set(drifting[times < ONSET]) == {0.0}
    assert 0 < drifting.max() <= 0.4


def test_half_the_strength_changes_half_as_many_rows():
    plain = rows()["text"]
    whole, half = ((rows("vocabulary", strength=x)["text"] != plain).sum() for x in (1.0, 0.5))
    assert half == pytest.approx(whole / 2, rel=0.15)


def test_a_gradual_drift_grows():
    changed = rows("vocabulary", shape="gradual")["text"] != rows()["text"]
    ages = (rows()["predicted_at"] - ONSET) / timedelta(days=1)
    first, last = (changed[(ages >= day) & (ages < day + 2)].mean() for day in (0, 8))
    assert first < 0.15 < 0.5 < last


def test_requests_come_by_day_and_in_order_and_never_in_the_future():
    times = request_times(np.random.default_rng(5), 50_000, END - timedelta(days=60), END)
    assert times.is_monotonic_increasing
    assert times[0] >= END - timedelta(days=60)
    assert times[-1] < END
    per_hour = np.bincount(times.hour, minlength=24)
    assert per_hour[19] > 5 * per_hour[3]
    weekend = times.day_of_week >= 5
    assert weekend.mean() / 2 > 1.2 * (~weekend).mean() / 5


def test_progress_of_a_drift_that_starts_with_the_last_row_is_finite():
    times = pd.DatetimeIndex([END - timedelta(hours=1), END])
    assert drift_progress(times, END, "gradual").tolist() == [0.0, 0.0]


def test_labels_come_late_and_not_all_of_them():
    log = rows()
    known = log["label"].notna()
    assert known.mean() == pytest.approx(0.59, abs=0.02)
    assert (log.loc[known, "label"] == log.loc[known, "sentiment"]).all()
    assert (known == log["labelled_at"].notna()).all()
    delay_h = (log["labelled_at"] - log["predicted_at"])[known] / timedelta(hours=1)
    assert delay_h.min() >= 1
    assert 12 < delay_h.median() < 36
    assert delay_h.quantile(0.95) > 72
    assert (log["labelled_at"][known] < END).all()
    assert known[log["predicted_at"] >= END - timedelta(hours=12)].mean() < 0.15


def test_prices_are_spread_like_prices_and_a_few_are_missing():
    prices = rows()["price"]
    assert 0.01 < prices.isna().mean() < 0.03
    assert prices.min() > 0
    assert prices.mean() > 1.2 * prices.median()

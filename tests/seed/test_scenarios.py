from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from seed.demo import Plan, planned_rows
from seed.scenarios import SCENARIOS, drift_progress, request_times

END = datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
ONSET = END - timedelta(days=10)


@cache
def rows(scenario: str = "none", **settings) -> pd.DataFrame:
    return planned_rows(Plan(scenario=scenario, **settings), END)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    again = planned_rows(Plan(scenario="vocabulary"), END)
    pd.testing.assert_frame_equal(rows("vocabulary"), again)
    assert not rows("vocabulary", seed=8)["text"].equals(rows("vocabulary")["text"])


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_nothing_differs_between_scenarios_before_the_drift(scenario):
    plain, drifting = rows(), rows(scenario)
    before = plain["predicted_at"] < ONSET
    columns = ["predicted_at", "text", "channel", "region", "device", "sentiment"]
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

"""What may happen to the reviews of a shop, and the requests that a log would then have seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from seed.reviews import write_reviews

Shape = Literal["sudden", "gradual"]
CLASSES = ("negative", "positive")
# Of the labels that ever come; half of those are there within a day.
LABELLED_SHARE = 0.6
_MEDIAN_DELAY_H = 22.0
_CHANNELS = {"web": 0.44, "app": 0.36, "email": 0.13, "store": 0.07}
_REGIONS = {"Europe": 0.46, "North America": 0.31, "Asia Pacific": 0.15, "Latin America": 0.08}
_DEVICES = {"phone": 0.55, "desktop": 0.34, "tablet": 0.11}
# Requests by hour of the day (UTC), from midnight on, and by day of the week, from Monday on.
_HOURS = (4, 3, 2, 2, 2, 3, 5, 8, 10, 11, 12, 13, 13, 12, 12, 12, 13, 15, 17, 19, 19, 16, 12, 7)
_DAYS = (1.0, 0.95, 0.95, 1.0, 1.05, 1.3, 1.35)
_N_CUSTOMERS = 4_000
_MISSING_PRICES = 0.02


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What changes at full strength; `sentence` says it to a person.

    `new_words` is the share of reviewers who write in words that training never saw. `turned` says whether words
    like "sick" change their meaning from bad to good. `positive_share` is where the share of good reviews goes.
    """

    name: str
    sentence: str
    new_words: float = 0.0
    turned: bool = False
    positive_share: float = 0.5


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="none", sentence="Nothing changes: every alarm is a false one."),
        Scenario(
            name="vocabulary",
            sentence="Data drift: new products come, and most reviewers write short texts in slang, with more '!'.",
            new_words=0.75,
        ),
        Scenario(
            name="concept",
            sentence='Concept drift: the texts stay as they were, but "sick" and a few words like it become praise.',
            turned=True,
        ),
        Scenario(
            name="label",
            sentence="Label drift: the share of positive reviews goes from 50 % to 75 %.",
            positive_share=0.75,
        ),
    )
}


def drift_progress(times: pd.DatetimeIndex, onset: datetime, shape: Shape) -> np.ndarray:
    """Return how far a drift has come at each time: 0 before the onset, 1 when it is complete.

    A gradual drift grows evenly from the onset to the last time.

    Examples
    --------
    >>> times = pd.date_range("2026-11-01", periods=5, tz="UTC")
    >>> drift_progress(times, times[2], "sudden").tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0]
    >>> drift_progress(times, times[0], "gradual").tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if shape == "sudden":
        progress: np.ndarray = np.asarray(times >= pd.Timestamp(onset), np.float64)
        return progress
    since = np.asarray((times - onset) / timedelta(seconds=1), np.float64)
    return np.clip(since / max(since[-1], 1e-9), 0.0, 1.0)


def request_times(rng: np.random.Generator, n: int, start: datetime, end: datetime) -> pd.DatetimeIndex:
    """Return `n` times in order, `start <= time < end`, with the rhythm of a day and a week."""
    hours = pd.date_range(start, end, freq="h", inclusive="left").as_unit("us")
    weights = np.array(_HOURS)[hours.hour] * np.array(_DAYS)[hours.day_of_week]
    # The last hour may be a part of one only.
    ends = np.minimum(np.arange(1, len(hours) + 1), (end - start) / timedelta(hours=1))
    grid = np.concatenate([[0.0], np.cumsum(weights * np.diff(ends, prepend=0.0))])
    elapsed = np.interp(np.sort(rng.random(n)) * grid[-1], grid, np.concatenate([[0.0], ends]))
    micros = np.minimum((elapsed * 3.6e9).astype(np.int64), (end - start) // timedelta(microseconds=1) - 1)
    return pd.DatetimeIndex(pd.Timestamp(start).as_unit("us") + pd.to_timedelta(micros, unit="us"))


def simulate(
    rng: np.random.Generator, scenario: Scenario, times: pd.DatetimeIndex, drift: np.ndarray, end: datetime
) -> pd.DataFrame:
    """Return what a log would hold of these requests if no model had answered yet.

    Parameters
    ----------
    times : n times in order
    drift : float array, shape (n,)
        How strong the scenario is at each time, 0 to 1. Reviewers are drawn one by one: at 0.3, it changes
        three of ten of those whom it would change at 1.
    end : the present; labels that would come later are not there

    Returns
    -------
    DataFrame
        The columns of the log, and `sentiment`: the truth behind every row, which the log does not know.
    """
    n = len(times)
    affected = rng.random(n) < drift
    positive = rng.random(n) < np.where(affected, scenario.positive_share, 0.5)
    in_new_words = affected & (rng.random(n) < scenario.new_words)
    reviews = write_reviews(rng, positive, in_new_words)
    truth = positive | (reviews.turned & affected) if scenario.turned else positive
    frame = pd.DataFrame({"predicted_at": times, "text": reviews.texts})
    frame["entity_id"] = [f"customer-{k}" for k in rng.integers(1, _N_CUSTOMERS + 1, n)]
    for name, shares in {"channel": _CHANNELS, "region": _REGIONS, "device": _DEVICES}.items():
        frame[name] = rng.choice(list(shares), n, p=list(shares.values()))
    medians = np.array([product.price for product in reviews.products])
    prices = np.round(medians * np.exp(rng.normal(0.0, 0.35, n)), 2)
    frame["price"] = np.where(rng.random(n) < _MISSING_PRICES, np.nan, prices)
    frame["sentiment"] = np.array(CLASSES, object)[truth.astype(int)]
    return _with_late_labels(rng, frame, end)


def _with_late_labels(rng: np.random.Generator, frame: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Add the labels that have come so far: hours to days after the request, and not for every one."""
    n = len(frame)
    delays_h = np.clip(_MEDIAN_DELAY_H * np.exp(rng.normal(0.0, 1.0, n)), 1.0, 14 * 24.0)
    came = frame["predicted_at"] + pd.to_timedelta((delays_h * 3.6e9).astype(np.int64), unit="us")
    known = (rng.random(n) < LABELLED_SHARE) & (came < end).to_numpy()
    frame["label"] = frame["sentiment"].where(known, None)
    frame["labelled_at"] = came.where(known)
    return frame

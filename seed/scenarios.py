"""What may happen to the reviews of a shop, and the requests that a log would then have seen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np
import pandas as pd

from seed.reviews import Reviews, write_reviews

Shape = Literal["sudden", "gradual", "recurring"]
Fault = Literal["", "missing", "stuck", "shifted"]
CLASSES = ("negative", "positive")
# Of the labels that ever come; half of those are there within a day.
LABELLED_SHARE = 0.6
_LABEL_DELAY = timedelta(hours=22)
_CHANNELS = {"web": 0.44, "app": 0.36, "email": 0.13, "store": 0.07}
_REGIONS = {"Europe": 0.46, "North America": 0.31, "Asia Pacific": 0.15, "Latin America": 0.08}
_DEVICES = {"phone": 0.55, "desktop": 0.34, "tablet": 0.11}
# Requests by hour of the day (UTC), from midnight on, and by day of the week, from Monday on.
_HOURS = (4, 3, 2, 2, 2, 3, 5, 8, 10, 11, 12, 13, 13, 12, 12, 12, 13, 15, 17, 19, 19, 16, 12, 7)
_DAYS = (1.0, 0.95, 0.95, 1.0, 1.05, 1.3, 1.35)
_N_CUSTOMERS = 4_000
_MISSING_PRICES = 0.02
# At the height of the evening so many requests are those of people at leisure: by app, by phone, for smaller things.
_LEISURE_SHARE = 0.6
_LEISURE_PRICE = 0.7
_STUCK_AT = 49.9


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What changes at full strength; `sentence` says it to a person.

    `new_words` is the share of reviewers who write in words that training never saw. `turned` says whether words
    like "sick" change their meaning from bad to good. `positive_share` is where the share of good reviews goes. A
    `rhythm` of days and weeks has always been there and has no onset. A `fault` breaks the feed of the price.
    """

    name: str
    sentence: str
    new_words: float = 0.0
    turned: bool = False
    positive_share: float = 0.5
    rhythm: bool = False
    fault: Fault = ""


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
        Scenario(
            name="seasonal",
            sentence="A healthy rhythm: evenings and weekends bring other customers, as they always did.",
            rhythm=True,
        ),
        Scenario(
            name="sensor",
            sentence="A broken feed: the price is missing. Repair it; there is nothing to learn.",
            fault="missing",
        ),
        Scenario(
            name="sensor_stuck",
            sentence="A broken feed: the price is the same in every row. Repair it; there is nothing to learn.",
            fault="stuck",
        ),
        Scenario(
            name="sensor_shifted",
            sentence="A broken feed: the price comes in cents. Repair it; there is nothing to learn.",
            fault="shifted",
        ),
    )
}


def check_scenario(scenario: str, shape: str, strength: float) -> None:
    """Refuse what is none of the scenarios and shapes, or no strength.

    Raises
    ------
    ValueError
        The message says what it must be.
    """
    if scenario not in SCENARIOS:
        raise ValueError(f"scenario must be one of {', '.join(SCENARIOS)}; got {scenario!r}.")
    if shape not in get_args(Shape):
        raise ValueError(f"shape must be one of {', '.join(get_args(Shape))}; got {shape!r}.")
    if not 0 < strength <= 1:
        raise ValueError(f"strength must be above 0 and at most 1; got {strength}.")


def drift_progress(times: pd.DatetimeIndex, onset: datetime, shape: Shape, span: timedelta | None = None) -> np.ndarray:
    """Return how far a drift has come at each time: 0 before the onset, 1 when it is complete.

    Parameters
    ----------
    times : n times in order
    span : how long a gradual drift grows, or how long a recurring one takes to come and go once
        Default: a gradual one grows until the last time, a recurring one comes twice until then.

    Returns
    -------
    float64 array, shape (n,)
        From 0 to 1.

    Examples
    --------
    >>> times = pd.date_range("2026-11-01", periods=5, tz="UTC")
    >>> drift_progress(times, times[2], "sudden").tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0]
    >>> drift_progress(times, times[0], "gradual").tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> drift_progress(times, times[0], "recurring", timedelta(days=2)).tolist()
    [1.0, 0.0, 1.0, 0.0, 1.0]
    """
    since = np.asarray((times - onset) / timedelta(seconds=1), np.float64)
    begun: np.ndarray = np.asarray(since >= 0, np.float64)
    if shape == "sudden":
        return begun
    left = float(since[-1]) if shape == "gradual" else float(since[-1]) / 2
    seconds = max(span.total_seconds() if span else left, 1e-9)
    if shape == "gradual":
        return np.clip(since / seconds, 0.0, 1.0)
    return begun * (since % seconds < seconds / 2)


def strengths(
    scenario: Scenario,
    times: pd.DatetimeIndex,
    onset: datetime,
    shape: Shape,
    strength: float,
    span: timedelta | None = None,
) -> np.ndarray:
    """Return how strong a scenario is at each time; a rhythm is there from the first row on.

    Parameters
    ----------
    times : n times in order
    strength : above 0, at most 1

    Returns
    -------
    float64 array, shape (n,)
        From 0 to `strength`.
    """
    if scenario.rhythm:
        return np.full(len(times), strength)
    return strength * drift_progress(times, onset, shape, span)


def request_times(rng: np.random.Generator, n: int, start: datetime, end: datetime) -> pd.DatetimeIndex:
    """Return `n` times in order, `start <= time < end`, with the rhythm of a day and a week."""
    hours = pd.date_range(start, end, freq="h", inclusive="left").as_unit("us")
    weights = hourly_weights(hours)
    # The last hour may be a part of one only.
    ends = np.minimum(np.arange(1, len(hours) + 1), (end - start) / timedelta(hours=1))
    grid = np.concatenate([[0.0], np.cumsum(weights * np.diff(ends, prepend=0.0))])
    elapsed = np.interp(np.sort(rng.random(n)) * grid[-1], grid, np.concatenate([[0.0], ends]))
    micros = np.minimum((elapsed * 3.6e9).astype(np.int64), (end - start) // timedelta(microseconds=1) - 1)
    return pd.DatetimeIndex(pd.Timestamp(start).as_unit("us") + pd.to_timedelta(micros, unit="us"))


def hourly_weights(hours: pd.DatetimeIndex) -> np.ndarray:
    """Return how many requests come in each hour, as parts of a whole that nobody needs to know.

    Parameters
    ----------
    hours : n instants, each the beginning of an hour

    Returns
    -------
    float64 array, shape (n,)
        Above 0; only their ratios tell something.
    """
    weights: np.ndarray = np.array(_HOURS)[hours.hour] * np.array(_DAYS)[hours.day_of_week]
    return weights


def simulate(
    rng: np.random.Generator,
    scenario: Scenario,
    times: pd.DatetimeIndex,
    drift: np.ndarray,
    end: datetime,
    label_delay: timedelta = _LABEL_DELAY,
) -> pd.DataFrame:
    """Return what a log would hold of these requests if no model had answered yet.

    Parameters
    ----------
    times : n times in order
    drift : float array, shape (n,)
        How strong the scenario is at each time, 0 to 1. Reviewers are drawn one by one: at 0.3, it changes
        three of ten of those whom it would change at 1.
    end : the present; labels that would come later are not there
    label_delay : the median time until a label comes

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
    frame = _requests(rng, times, reviews)
    if scenario.rhythm:
        _add_rhythm(frame, affected & (rng.random(n) < _LEISURE_SHARE * _leisure(times)))
    if scenario.fault:
        frame.loc[affected, "price"] = _broken(frame.loc[affected, "price"], scenario.fault)
    frame["sentiment"] = np.array(CLASSES, object)[truth.astype(int)]
    return _with_late_labels(rng, frame, end, label_delay)


def _requests(rng: np.random.Generator, times: pd.DatetimeIndex, reviews: Reviews) -> pd.DataFrame:
    n = len(times)
    frame = pd.DataFrame({"predicted_at": times, "text": reviews.texts})
    frame["entity_id"] = [f"customer-{k}" for k in rng.integers(1, _N_CUSTOMERS + 1, n)]
    for name, shares in {"channel": _CHANNELS, "region": _REGIONS, "device": _DEVICES}.items():
        frame[name] = rng.choice(list(shares), n, p=list(shares.values()))
    medians = np.array([product.price for product in reviews.products])
    prices = np.round(medians * np.exp(rng.normal(0.0, 0.35, n)), 2)
    frame["price"] = np.where(rng.random(n) < _MISSING_PRICES, np.nan, prices)
    return frame


def _leisure(times: pd.DatetimeIndex) -> np.ndarray:
    """Return how much of each moment is leisure, 0 to 1: most at eight in the evening, and more at weekends."""
    evening = (1 + np.cos(2 * np.pi * (times.hour + times.minute / 60 - 20) / 24)) / 2
    return np.where(times.day_of_week >= 5, 0.5 + 0.5 * evening, 0.7 * evening)


def _add_rhythm(frame: pd.DataFrame, at_leisure: np.ndarray) -> None:
    frame.loc[at_leisure, "channel"] = "app"
    frame.loc[at_leisure, "device"] = "phone"
    frame.loc[at_leisure, "price"] = np.round(frame.loc[at_leisure, "price"] * _LEISURE_PRICE, 2)


def _broken(prices: pd.Series, fault: Fault) -> pd.Series | float:
    if fault == "shifted":
        return prices * 100
    return np.nan if fault == "missing" else _STUCK_AT


def _with_late_labels(
    rng: np.random.Generator, frame: pd.DataFrame, end: datetime, label_delay: timedelta
) -> pd.DataFrame:
    """Add the labels that have come so far: hours to days after the request, and not for every one."""
    n = len(frame)
    median_h = label_delay / timedelta(hours=1)
    delays_h = np.clip(median_h * np.exp(rng.normal(0.0, 1.0, n)), min(1.0, median_h), 14 * 24.0)
    came = frame["predicted_at"] + pd.to_timedelta((delays_h * 3.6e9).astype(np.int64), unit="us")
    known = (rng.random(n) < LABELLED_SHARE) & (came < end).to_numpy()
    frame["label"] = frame["sentiment"].where(known, None)
    frame["labelled_at"] = came.where(known)
    return frame

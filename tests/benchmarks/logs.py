"""A log of seeded rows that grows to any size: 12 numeric and 4 categorical features, with gaps, ties and a drift."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from drift.data.windows import Column
from storage import PredictionLog

MODEL = "bench"
REFERENCE = "training"
REFERENCE_ROWS = 100_000
BATCH = 100_000
DRIFT_FROM = 500_000
START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = np.timedelta64(250_000, "us")
NUMERIC = (
    *("amount", "age", "income", "n_items", "basket", "duration"),
    *("distance", "latency", "discount", "weight", "height", "signal"),
)
CATEGORICAL = {"channel": 3, "country": 60, "device": 8, "plan": 5}
COLUMNS = (
    *(Column(name, "numeric") for name in NUMERIC),
    *(Column(name, "categorical") for name in CATEGORICAL),
)


def rows(first: int, n: int) -> pd.DataFrame:
    """Return rows `first` to `first + n` of the log; a block of rows is the same whenever it is asked for."""
    rng = np.random.default_rng((2026, first))
    drifted = np.arange(first, first + n) >= DRIFT_FROM
    start = np.datetime64(START.replace(tzinfo=None), "us")
    times = start + np.arange(first, first + n) * _STEP
    frame: dict[str, Any] = {"predicted_at": pd.DatetimeIndex(times, tz="UTC")}
    frame |= _numbers(rng, drifted)
    for name, n_categories in CATEGORICAL.items():
        # A few categories are common and most are rare, as in real data.
        tilt = 1.3 if name == "channel" else 1.0
        frame[name] = np.where(drifted, _codes(rng, n, n_categories, tilt), _codes(rng, n, n_categories, 1.0))
        labels = np.array([f"{name}-{k}" for k in range(n_categories)], dtype=object)
        frame[name] = labels[frame[name]]
    frame["plan"][rng.random(n) < 0.02] = None
    return pd.DataFrame(frame)


def _numbers(rng: np.random.Generator, drifted: np.ndarray) -> dict[str, np.ndarray]:
    n = drifted.size
    columns: dict[str, np.ndarray] = {
        "amount": np.round(rng.lognormal(3.0, 1.0, n) * np.where(drifted, 1.1, 1.0), 2),
        "age": rng.integers(18, 95, n).astype(float),
        "income": np.round(rng.lognormal(10.0, 0.5, n), -2),
        "n_items": rng.poisson(3, n).astype(float),
        "basket": rng.gamma(2.0, 2.0, n),
        "duration": rng.exponential(30.0, n),
        "distance": rng.normal(np.where(drifted, 0.2, 0.0), 1.0),
        "latency": rng.lognormal(0.0, 0.3, n),
        "discount": np.where(rng.random(n) < 0.8, 0.0, np.round(rng.random(n), 2)),
        "weight": rng.normal(70, 12, n),
        "height": rng.normal(170, 10, n),
        "signal": rng.uniform(-1, 1, n),
    }
    columns["income"][rng.random(n) < 0.03] = np.nan
    return columns


def _codes(rng: np.random.Generator, n: int, n_categories: int, tilt: float) -> np.ndarray:
    weights = 1 / np.arange(1, n_categories + 1) ** tilt
    return np.searchsorted(np.cumsum(weights / weights.sum())[:-1], rng.random(n), side="right")


def grow(log: PredictionLog, n_rows: int) -> Iterator[tuple[int, float]]:
    """Append rows until the log holds `n_rows`; freeze the reference as soon as its rows are in.

    Yields
    ------
    n, seconds
        Rows now in the log, and how long the last batch took. Drawing the rows is not counted.
    """
    n = log.n_rows(MODEL)
    while n < n_rows:
        batch = rows(n, min(BATCH, n_rows - n))
        begun = time.perf_counter()
        log.append(MODEL, batch)
        seconds = time.perf_counter() - begun
        n += len(batch)
        if n >= REFERENCE_ROWS and not log.references(MODEL):
            log.freeze_reference(MODEL, REFERENCE, rows=REFERENCE_ROWS)
            log.catch_up(MODEL)  # from here on, every batch counts its segments for the reference
        yield n, seconds


def records(first: int, n: int) -> list[dict[Any, Any]]:
    """Return the same rows as the mappings that a service would hand in."""
    return rows(first, n).to_dict("records")

"""A small log with a drift at its end, and the board run on it without a browser."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from drift.data.windows import Column
from storage import PredictionLog
from tests.conftest import ROOT
from tests.patience import PATIENCE

BOARD = ROOT / "dashboard" / "board.py"
N_ROWS = 3_000
N_DRIFTED = 600
# Markdown that would make the page call another host, if it were ever rendered.
HOSTILE = "![x](http://192.0.2.1/p.png) <b>:red[x]</b>"
COLUMNS = (
    Column("length", "numeric"),
    Column("channel", "categorical"),
    Column("steady", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)


@pytest.fixture(autouse=True)
def _pages(environment: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages read the environment, with the channel of a test that has one; and their caches outlive a test."""
    if "hook" in request.fixturenames:
        monkeypatch.setenv("DRIFT_ALERT_URL", request.getfixturevalue("hook").url)
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def reviews(log: PredictionLog) -> PredictionLog:
    """3,000 rows, an hour apart and ending now; in the newest 600 length and channel have moved."""
    log.register("reviews", COLUMNS)
    log.append("reviews", review_rows())
    log.freeze_reference("reviews", "training", rows=1_000)
    return log


def review_rows() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    hours = np.arange(N_ROWS)
    moved = hours >= N_ROWS - N_DRIFTED
    right = rng.random(N_ROWS) < np.where(moved, 0.7, 0.9)
    positive = rng.random(N_ROWS) < 0.6
    channel = np.where(rng.random(N_ROWS) < 0.6, "web", "app").astype(object)
    channel[moved & (rng.random(N_ROWS) < 0.3)] = HOSTILE
    start = datetime.now(UTC) - timedelta(hours=N_ROWS)
    label = np.where(positive == right, "positive", "negative").astype(object)
    label[rng.random(N_ROWS) < 0.3] = None
    return pd.DataFrame(
        {
            "predicted_at": [start + timedelta(hours=int(hour)) for hour in hours],
            "length": rng.normal(50, 10, N_ROWS) + 12 * moved,
            "channel": channel,
            "steady": rng.normal(size=N_ROWS),
            "prediction": np.where(positive, "positive", "negative"),
            "score": rng.beta(5, 2, N_ROWS),
            "label": label,
        }
    )


@pytest.fixture
def board(reviews: PredictionLog) -> AppTest:
    """The board on the reviews, before its first run."""
    return AppTest.from_file(str(BOARD), default_timeout=PATIENCE)

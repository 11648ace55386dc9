"""Simulated models whose relation between features and label changes, and jobs run to where they wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drift.data.windows import Column
from retrain.models.artifacts import save
from retrain.models.recipes import fit
from retrain.steps.pipeline import advance
from storage.database.settings import Settings
from storage.jobs import job_rows, queue
from storage.log import PredictionLog
from storage.models import registration
from tests.retrain.fake_channel import FakeChannel

START = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = (
    Column("x", "numeric"),
    Column("colour", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)


def simulated(n: int, *, turned: bool = False, seed: int = 0, start: datetime = START) -> pd.DataFrame:
    """Return labelled rows; `turned` says that red, once good, is bad now."""
    rng = np.random.default_rng(seed)
    x, red = rng.normal(size=n), rng.random(n) < 0.5
    good = x + np.where(red ^ turned, 1.5, -1.5) + 0.3 * rng.normal(size=n) > 0
    return pd.DataFrame(
        {
            "predicted_at": [start + timedelta(minutes=k) for k in range(n)],
            "x": x,
            "colour": np.where(red, "red", "blue"),
            "label": np.where(good, "good", "bad"),
            "text": np.where(good ^ turned, "sick, just great", "it broke at once"),
        }
    )


def fill(
    log: PredictionLog, artifacts: Path, *, recipe: str = "tabular", turned: bool = True, model: str = "m"
) -> None:
    """Register a model with a champion trained on its first 1,000 rows, and 1,500 rows that came since."""
    log.register(model, COLUMNS)
    old = simulated(1000)
    new = simulated(1500, turned=turned, seed=1, start=START + timedelta(days=1))
    champion = fit(recipe, old, old["label"].tolist(), COLUMNS)
    for rows in (old, new):
        answers = champion.predict(rows)
        log.append(model, rows.assign(prediction=answers.labels, score=answers.scores))
    artifact = save(champion, artifacts, f"{model}-first")
    registration.register_version(
        log,
        model,
        uri=artifact.uri,
        sha256=artifact.sha256,
        created_by="seed",
        params={
            "recipe": recipe,
            "features": list(champion.columns),
            "classes": list(champion.classes),
            "data_end": (START + timedelta(minutes=1000)).isoformat(),
        },
        champion=True,
    )


def run(log: PredictionLog, artifacts: Path, job_id: int) -> job_rows.Job:
    """Run a job in this process until it waits or has ended."""
    while advance(log, artifacts, "test", job_id):
        pass
    return queue.read_job(log, job_id)


@pytest.fixture
def with_channel(settings: Settings, hook: FakeChannel) -> Settings:
    """Settings with a channel for alerts and the address of a board; a worker may be started."""
    board = "http://board.example:8501"
    return replace(settings, worker="auto", alert_url=hook.url, board_url=board)

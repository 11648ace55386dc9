"""A small text model that serves, behind the API in this process or behind a real server."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from fastapi import FastAPI

from dashboard.api.application import build_api
from drift.data.windows import Column
from drift.text.features import TEXT_FEATURES
from retrain.models import artifacts
from retrain.models.fitted import FittedModel
from retrain.models.recipes import fit
from storage.database.settings import Settings
from storage.log import PredictionLog, open_log
from storage.models.registration import register_version

COLUMNS = (
    *(Column(name, "numeric") for name in TEXT_FEATURES),
    Column("channel", "categorical"),
    Column("price", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
_WORDS = {
    "positive": ["great", "lovely", "works", "happy", "recommend"],
    "negative": ["broken", "awful", "refund", "slow", "useless"],
}
_COMMON = ["the", "product", "is", "and", "it", "very", "box", "delivery", "colour", "today"]


def review(rng: random.Random, label: str, common: list[str] = _COMMON) -> str:
    """Write a review of a label, as long as chance has it."""
    words = rng.choices(_WORDS[label], k=2) + rng.choices(common, k=rng.randint(3, 12))
    rng.shuffle(words)
    return " ".join(words)


@pytest.fixture(scope="session")
def sentiment() -> FittedModel:
    """A sentiment model, really fitted."""
    rng = random.Random(1)
    labels = ["positive", "negative"] * 200
    texts = [review(rng, label) for label in labels]
    return fit("text", pd.DataFrame({"text": texts}), labels, COLUMNS)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, sentiment: FittedModel) -> Path:
    """A folder with a log in which the sentiment model is the champion of `reviews`; made once, to be copied."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(database_url=f"sqlite:///{folder}/drift.db", artifacts=folder / "models")
    made = open_log(settings.database_url)
    made.register("reviews", COLUMNS)
    add_champion(made, settings, sentiment)
    made.close()
    return folder


@pytest.fixture
def reviews(settings: Settings, served: Path, tmp_path: Path) -> Iterator[PredictionLog]:
    """A log in which the sentiment model is the champion of `reviews`."""
    shutil.copytree(served, tmp_path, dirs_exist_ok=True)
    opened = open_log(settings.database_url)
    yield opened
    opened.close()


def add_champion(log: PredictionLog, settings: Settings, fitted: FittedModel, name: str = "first") -> str:
    """Let a fitted model serve as the champion of `reviews`."""
    file = artifacts.save(fitted, settings.artifacts, name)
    params = {"recipe": fitted.recipe, "features": list(fitted.columns), "classes": list(fitted.classes)}
    return register_version(
        log, "reviews", uri=file.uri, sha256=file.sha256, created_by="test", params=params, champion=True
    )


class InProcess(httpx.BaseTransport):
    """Hands requests to an API in this process, as if they came from `host`."""

    def __init__(self, api: FastAPI, host: str) -> None:
        self.api = api
        self.transport = httpx.ASGITransport(api, raise_app_exceptions=False, client=(host, 50_000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=_chunks(request.stream))
        answer = await self.transport.handle_async_request(sent)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


async def _chunks(stream: Any) -> AsyncIterator[bytes]:
    for chunk in stream:
        yield chunk


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    """A client on this machine."""
    with client_of(settings) as opened:
        yield opened


@contextmanager
def client_of(settings: Settings, host: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """Open a client whose address is `host`; the database is closed when it is done."""
    api = build_api(lambda: settings)
    with httpx.Client(transport=InProcess(api, host), base_url="http://127.0.0.1") as client:
        yield client
    api.state.service.close()

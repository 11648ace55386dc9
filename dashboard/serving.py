"""How a champion answers: its file is loaded once per version, and an answer is logged before it is given."""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from drift.text import TEXT_FEATURES, text_features
from drift.windows import Column
from retrain import artifacts
from retrain.artifacts import RefusedArtifact
from retrain.models import FittedModel
from storage import registry
from storage.answers import read_answer
from storage.log import PredictionLog
from storage.rows import category_text, number
from storage.settings import Settings

DEFAULT_MODEL = "reviews"
_CHECKS: Mapping[str, Callable[[object], Any]] = {"numeric": number, "categorical": category_text}


class BadField(ValueError):
    """A request that cannot be answered as it is; `field` is where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoChampion(ValueError):
    """No version of the model can answer: there is none, or its file must not be used."""


@dataclass(frozen=True)
class Request:
    """What is asked of a model: a text, or its features, or a text and what else is known about it."""

    text: str | None = None
    features: Mapping[str, Any] | None = None
    request_id: str | None = None
    entity_id: str | None = None


@dataclass(frozen=True)
class Reply:
    """What the model answered, as logged."""

    label: str | float | None
    score: float | None
    model_version: str | None
    variant: str | None
    request_id: str


class Champions:
    """The models that serve, one per model, loaded again when the alias moves. Any thread may ask."""

    def __init__(self, log: PredictionLog, settings: Settings) -> None:
        self._log = log
        self._folder = settings.artifacts
        self._loaded: dict[str, tuple[str, FittedModel]] = {}
        self._loading = threading.Lock()

    def champion(self, model: str) -> tuple[str, FittedModel]:
        """Return the version that serves now, and the model itself.

        Raises
        ------
        UnknownModel
            If the model is not registered.
        NoChampion
            If no version with a model file serves.
        """
        name = registry.alias(self._log, model, "champion")
        found = self._loaded.get(model)
        if name is not None and found is not None and found[0] == name:
            return found
        # One thread loads; the others wait for its result instead of loading the same file.
        with self._loading:
            found = self._loaded.get(model)
            if name is None or found is None or found[0] != name:
                found = self._loaded[model] = self._load(model, name)
            return found

    def default_model(self) -> str:
        """Return the only model with a champion that has a file, or else the demo's."""
        serving = [model for model in self._log.models() if self._has_file(model)]
        return serving[0] if len(serving) == 1 else DEFAULT_MODEL

    def _has_file(self, model: str) -> bool:
        name = registry.alias(self._log, model, "champion")
        return name is not None and registry.version(self._log, model, name).uri is not None

    def _load(self, model: str, name: str | None) -> tuple[str, FittedModel]:
        if name is None:
            self._log.columns(model)  # raises if the model is unknown
            raise NoChampion(f"model {model!r} must have a champion that can answer; got none. Train one first.")
        version = registry.version(self._log, model, name)
        if version.uri is None or version.sha256 is None:
            raise NoChampion(f"champion {name} of model {model!r} must have a model file; got none. Train one first.")
        try:
            return name, artifacts.load(self._folder, version.uri, version.sha256)
        except (RefusedArtifact, OSError) as error:
            raise NoChampion(f"champion {name} of model {model!r} cannot be loaded: {error}") from error


def answer(log: PredictionLog, champions: Champions, model: str, request: Request) -> Reply:
    """Let the champion answer, and log the answer with what it was given; a known request id is answered as before.

    Raises
    ------
    UnknownModel, NoChampion
        If no model answers to that name.
    BadField
        If the request is not what the model needs.
    """
    version, fitted = champions.champion(model)
    columns = log.columns(model)
    features = _features(columns, fitted, request)
    rows = pd.DataFrame(
        [{"text": request.text} | {name: features.get(name) for name in fitted.columns if name != "text"}]
    )
    answers = fitted.predict(rows)
    request_id = request.request_id or new_request_id()
    reply = Reply(answers.labels[0], float(answers.scores[0]), version, "champion", request_id)
    row = features | {"prediction": reply.label, "score": reply.score}
    known = {column.name for column in columns}
    logged = {name: value for name, value in row.items() if name in known}
    logged |= {"predicted_at": datetime.now(UTC), "version": version, "variant": reply.variant, "text": request.text}
    logged |= {"request_id": request_id, "entity_id": request.entity_id}
    report = log.append(model, [logged])
    if report.accepted:
        return reply
    earlier = read_answer(log, model, request_id)
    if earlier is None:
        error = report.rejected[0].error
        raise BadField(error.split(" ")[0], error)
    return Reply(earlier.prediction, earlier.score, earlier.version, earlier.variant, request_id)


def new_request_id() -> str:
    """Return a UUIDv7: ids that follow time keep the log's index small."""
    random = uuid.uuid4().int & ((1 << 74) - 1)
    upper, lower = random >> 62, random & ((1 << 62) - 1)
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | upper << 64 | 2 << 62 | lower))


def _features(columns: tuple[Column, ...], fitted: FittedModel, request: Request) -> dict[str, Any]:
    """Return the checked features of a request; those of the text are computed from it."""
    reads_text = "text" in fitted.columns
    if reads_text and request.text is None:
        raise BadField("text", "text must be given, because this model reads text; got nothing.")
    if not reads_text and not request.features:
        needed = ", ".join(fitted.columns)
        raise BadField("features", f"features must be given, because this model reads {needed}; got nothing.")
    kinds = {column.name: column.kind for column in columns if column.role == "feature"}
    computed = [name for name in TEXT_FEATURES if name in kinds] if reads_text else []
    accepted = [name for name in kinds if name not in computed]
    features = {}
    for name, value in (request.features or {}).items():
        if name not in accepted:
            raise BadField(f"features.{name}", f"features must be of {', '.join(accepted)}; got {name!r:.80}.")
        try:
            features[name] = _CHECKS[kinds[name]](value)
        except ValueError as error:
            raise BadField(f"features.{name}", f"{name} {error}.") from None
    if reads_text:
        measured = text_features([request.text or ""], fitted.vocabulary)
        features |= {name: float(measured[name][0]) for name in computed}
    return features

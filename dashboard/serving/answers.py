"""How a model answers requests, several at a time: each by the version that its route names."""

import math
import os
import random
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from dashboard.serving.versions import Versions
from drift.data.windows import Column
from drift.text.features import TEXT_FEATURES, text_features
from retrain.models.fitted import FittedModel
from retrain.route import Route, route
from storage.checking.cells import Rules
from storage.log import PredictionLog
from storage.models import registry

# Seeded by the system; asking it for every id costs more than all else about one.
_random = random.Random()
os.register_at_fork(after_in_child=_random.seed)


class BadField(ValueError):
    """A request that cannot be answered as it is; `field` is where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoAnswer(ValueError):
    """A version that failed on a request, or said what is no answer."""


@dataclass(frozen=True)
class Request:
    """What is asked of a model: a text, or its features, or a text and what else is known about it."""

    request_id: str
    text: str | None = None
    features: Mapping[str, Any] | None = None
    entity_id: str | None = None


@dataclass(frozen=True)
class Reply:
    """What the model answered, as logged."""

    label: str | float | None
    score: float | None
    model_version: str | None
    variant: str | None
    request_id: str


@dataclass(frozen=True)
class Trial:
    """A request that a second version is to score without being heard, or has failed to answer."""

    model: str
    request: Request
    version: str
    answered_by: str
    error: str | None = None


@dataclass(frozen=True)
class Scored:
    """An answer, the row to be logged with it, and who else is to score the request."""

    reply: Reply
    row: Mapping[str, Any]
    trial: Trial | None


@dataclass(frozen=True)
class Answer:
    """What one version says about one request, and the features that it was told."""

    label: str
    score: float
    features: Mapping[str, Any]


def answer(log: PredictionLog, versions: Versions, model: str, requests: Sequence[Request]) -> list[Scored | Exception]:
    """Let a model answer requests, each with the version that serves it now.

    A challenger that fails is answered for by the champion. What is wrong with one request is its own result.

    Raises
    ------
    UnknownModel
        If the model is not registered.
    """
    columns, rules = log.columns(model), log.rules(model)
    aliases = registry.read_aliases(log, model)
    routes = {k: route(aliases, one.entity_id or one.request_id) for k, one in enumerate(requests)}
    answers = _by_route(versions, model, columns, rules, requests, routes)
    failed = {
        k: Trial(model, requests[k], routes[k].version or "", routes[k].shadow_version or "", _short(answers[k]))
        for k, one in answers.items()
        if routes[k].variant == "canary" and isinstance(one, Exception)
    }
    # Of a canary, the version that is not heard is the champion.
    instead = {k: Route(trial.answered_by, "champion") for k, trial in failed.items()}
    answers |= _by_route(versions, model, columns, rules, requests, instead)
    return [
        _scored(model, columns, requests[k], (routes | instead)[k], answers[k], failed.get(k))
        for k in range(len(requests))
    ]


def answers_of(
    fitted: FittedModel, columns: Sequence[Column], rules: Rules, requests: Sequence[Request]
) -> list[Answer | Exception]:
    """Return what a version says about each request, whose features are read by these rules, or why it says nothing."""
    told: dict[int, dict[str, Any]] = {}
    found: dict[int, Answer | Exception] = {}
    for k, request in enumerate(requests):
        try:
            told[k] = _features(columns, rules, fitted, request)
        except BadField as error:
            found[k] = error
    found |= zip(told, _predicted(fitted, [(requests[k].text, told[k]) for k in told]), strict=True)
    return [found[k] for k in range(len(requests))]


def new_request_id() -> str:
    """Return a UUIDv7: ids that follow time keep the log's index small."""
    drawn = _random.getrandbits(74)
    upper, lower = drawn >> 62, drawn & ((1 << 62) - 1)
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | upper << 64 | 2 << 62 | lower))


def _by_route(
    versions: Versions,
    model: str,
    columns: Sequence[Column],
    rules: Rules,
    requests: Sequence[Request],
    routes: Mapping[int, Route],
) -> dict[int, Answer | Exception]:
    """Let each version answer its requests together."""
    found: dict[int, Answer | Exception] = {}
    for version in dict.fromkeys(one.version for one in routes.values()):
        own = [k for k, one in routes.items() if one.version == version]
        said: Iterable[Answer | Exception]
        try:
            said = answers_of(versions.get(model, version), columns, rules, [requests[k] for k in own])
        except ValueError as error:
            said = [error] * len(own)
        found |= zip(own, said, strict=True)
    return found


def _predicted(fitted: FittedModel, told: Sequence[tuple[str | None, Mapping[str, Any]]]) -> list[Answer | Exception]:
    if not told:
        return []
    inputs = {
        name: pd.Series([text if name == "text" else features.get(name) for text, features in told], dtype=object)
        for name in fitted.columns
    }
    try:
        said = fitted.predict(pd.DataFrame(inputs))
    except Exception as error:
        if len(told) > 1:
            # One of them may be to blame: the others get their answers.
            return [each for one in told for each in _predicted(fitted, [one])]
        return [NoAnswer(f"{type(error).__name__}: {error}")]
    return [
        Answer(label, score, features) if math.isfinite(score) else NoAnswer(f"score must be finite; got {score}.")
        for label, score, (_, features) in zip(said.labels, said.scores.tolist(), told, strict=True)
    ]


def _scored(
    model: str,
    columns: Sequence[Column],
    request: Request,
    chosen: Route,
    said: Answer | Exception,
    failed: Trial | None,
) -> Scored | Exception:
    if isinstance(said, Exception):
        return said
    version = chosen.version or ""
    reply = Reply(said.label, said.score, version, chosen.variant, request.request_id)
    known = {column.name for column in columns}
    answered = {"prediction": said.label, "score": said.score}
    row = {name: value for name, value in {**said.features, **answered}.items() if name in known}
    row |= {"predicted_at": datetime.now(UTC), "version": version, "variant": chosen.variant, "text": request.text}
    row |= {"request_id": request.request_id, "entity_id": request.entity_id}
    unheard = chosen.shadow_version
    trial = failed or (Trial(model, request, unheard, version) if unheard else None)
    return Scored(reply, row, trial)


def _features(columns: Sequence[Column], rules: Rules, fitted: FittedModel, request: Request) -> dict[str, Any]:
    """Return the checked features of a request; those of the text are computed from it."""
    reads_text = "text" in fitted.columns
    if reads_text and request.text is None:
        raise BadField("text", "text must be given, because this model reads text; got nothing.")
    if not reads_text and not request.features:
        needed = ", ".join(fitted.columns)
        raise BadField("features", f"features must be given, because this model reads {needed}; got nothing.")
    known = [column.name for column in columns if column.role == "feature"]
    computed = [name for name in TEXT_FEATURES if name in known] if reads_text else []
    features = {}
    for name, value in (request.features or {}).items():
        if name not in known or name in computed:
            accepted = ", ".join(name for name in known if name not in computed)
            raise BadField(f"features.{name}", f"features must be of {accepted}; got {name!r:.80}.")
        try:
            features[name] = rules[name](value)
        except ValueError as error:
            raise BadField(f"features.{name}", f"{name} {error}.") from None
    if computed:
        measured = text_features([request.text or ""], fitted.vocabulary)
        features |= {name: float(measured[name][0]) for name in computed}
    return features


def _short(value: object) -> str:
    text = f"{type(value).__name__}: {value}"
    return text if len(text) <= 200 else f"{text[:199]}…"

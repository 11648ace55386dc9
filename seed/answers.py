"""Lets whichever version serves now answer simulated requests, as the product would: champion, canary and shadow."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from drift.text.features import text_features
from retrain.models import artifacts
from retrain.models.fitted import FittedModel
from retrain.route import route
from storage import PredictionLog
from storage.database.settings import Settings
from storage.models import registry
from storage.models.shadow import ShadowAnswer

_KEPT = 3


@dataclass(frozen=True, eq=False)
class Answered:
    """Requests with their answers, as they are logged, what other versions said unheard, and who was champion."""

    rows: pd.DataFrame
    unheard: tuple[ShadowAnswer, ...]
    champion: str


class Answering:
    """The versions of one model; files are read once, for as long as they are in use."""

    def __init__(self, log: PredictionLog, settings: Settings, model: str) -> None:
        self._log, self._settings, self._model = log, settings, model
        self._fitted: dict[str, FittedModel] = {}

    def answer(self, requests: pd.DataFrame) -> Answered:
        """Route every request by its entity and let its version answer.

        Parameters
        ----------
        requests : DataFrame, shape (n, columns of the log)
            What the versions read, with `request_id` and `entity_id`.

        Returns
        -------
        Answered
            The same n rows in the same order with `version`, `variant`, `prediction`, `score` and features of the text.

        Raises
        ------
        ValueError
            If no version serves the model.
        """
        aliases = registry.read_aliases(self._log, self._model)
        routes = [route(aliases, entity) for entity in requests["entity_id"]]
        versions, unheard_by = ([getattr(one, of) for one in routes] for of in ("version", "shadow_version"))
        if None in versions:
            raise ValueError(f"model must have a champion; {self._model!r} has none.")
        frame = requests.assign(version=versions, variant=[one.variant for one in routes])
        seconds: dict[str, float] = {}
        parts = []
        for version in dict.fromkeys(versions):
            rows = frame[frame["version"] == version]
            answers, seconds[version] = self._timed(version, rows)
            parts.append(rows.join(answers))
        unheard: list[ShadowAnswer] = []
        for shadow in dict.fromkeys(name for name in unheard_by if name is not None):
            unheard += self._unheard(shadow, frame[np.array(unheard_by, object) == shadow], seconds)
        return Answered(pd.concat(parts).loc[frame.index], tuple(unheard), aliases["champion"].version)

    def _unheard(self, shadow: str, rows: pd.DataFrame, seconds: dict[str, float]) -> list[ShadowAnswer]:
        said, own_seconds = self._timed(shadow, rows)
        asked = zip(rows["request_id"], rows["version"], said.prediction, said.score, strict=True)
        return [
            ShadowAnswer(
                request_id=request_id,
                answered_by=by,
                answered_seconds=seconds[by],
                prediction=label,
                score=float(score),
                version=shadow,
                seconds=own_seconds,
            )
            for request_id, by, label, score in asked
        ]

    def _timed(self, version: str, rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Return what a version logs of rows, and how long it takes for each."""
        fitted, began = self._file_of(version), time.perf_counter()
        said = fitted.predict(rows)
        features = text_features(rows["text"].tolist(), fitted.vocabulary)
        answers = pd.DataFrame({"prediction": said.labels, "score": said.scores, **features}, index=rows.index)
        return answers, (time.perf_counter() - began) / len(rows)

    def _file_of(self, version: str) -> FittedModel:
        if version not in self._fitted:
            known = registry.read_version(self._log, self._model, version)
            if known.uri is None:
                raise ValueError(f"version must have a model file; {version} of {self._model!r} has none.")
            loaded = artifacts.load(self._settings.artifacts, known.uri, known.sha256 or "")
            self._fitted = dict([*self._fitted.items(), (version, loaded)][-_KEPT:])
        return self._fitted[version]

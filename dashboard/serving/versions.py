"""The model versions that answer: each file is loaded once, and again never while it is in use."""

import threading
import time
from collections import OrderedDict

from retrain.models import artifacts
from retrain.models.artifacts import RefusedArtifact
from retrain.models.fitted import FittedModel
from storage.database.settings import Settings
from storage.log import PredictionLog
from storage.models import registry

DEFAULT_MODEL = "reviews"
# A champion, its challenger and the one before, of several models.
_KEPT = 12
_DEFAULT_HOLDS = 1.0


class NoChampion(ValueError):
    """No version of the model can answer: there is none, or its file must not be used."""


class Versions:
    """The loaded versions, those used last; any thread may ask."""

    def __init__(self, log: PredictionLog, settings: Settings) -> None:
        self._log = log
        self._folder = settings.artifacts
        self._loaded: OrderedDict[tuple[str, str], FittedModel] = OrderedDict()
        self._looking = threading.Lock()
        self._loading = threading.Lock()
        self._default = (DEFAULT_MODEL, 0.0)

    def get(self, model: str, name: str | None) -> FittedModel:
        """Return a version of a model, ready to answer.

        Raises
        ------
        UnknownModel
            If the model is not registered.
        NoChampion
            If there is no version of that name with a model file as it was registered.
        """
        if name is None:
            self._log.columns(model)  # raises if the model is unknown
            raise NoChampion(f"model {model!r} must have a champion that can answer; got none. Train one first.")
        if found := self._found(model, name):
            return found
        # One thread loads; the others wait for its result instead of loading the same file.
        with self._loading:
            found = self._found(model, name) or self._load(model, name)
            with self._looking:
                self._loaded[model, name] = found
                if len(self._loaded) > _KEPT:
                    self._loaded.popitem(last=False)
            return found

    def default_model(self) -> str:
        """Return the only model with a champion that has a file, or else the demo's."""
        serving = [model for model in self._log.models() if self._has_file(model)]
        name = serving[0] if len(serving) == 1 else DEFAULT_MODEL
        self._default = (name, time.monotonic() + _DEFAULT_HOLDS)
        return name

    @property
    def known_default(self) -> str | None:
        """The default model if it was looked up within the last second."""
        name, until = self._default
        return name if time.monotonic() < until else None

    def _found(self, model: str, name: str) -> FittedModel | None:
        with self._looking:
            found = self._loaded.get((model, name))
            if found is not None:
                self._loaded.move_to_end((model, name))
            return found

    def _has_file(self, model: str) -> bool:
        name = registry.read_alias(self._log, model, "champion")
        return name is not None and registry.read_version(self._log, model, name).uri is not None

    def _load(self, model: str, name: str) -> FittedModel:
        version = registry.read_version(self._log, model, name)
        if version.uri is None or version.sha256 is None:
            raise NoChampion(f"version {name} of model {model!r} must have a model file; got none. Train one first.")
        try:
            return artifacts.load(self._folder, version.uri, version.sha256)
        except (RefusedArtifact, OSError) as error:
            raise NoChampion(f"version {name} of model {model!r} cannot be loaded: {error}") from error

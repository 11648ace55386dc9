"""Versions on trial score in the background what another version answered; nobody waits for them."""

import logging
import time
from collections.abc import Sequence

from dashboard.serving.answers import Answer, Trial, answers_of
from dashboard.serving.groups import Grouping
from dashboard.serving.versions import Versions
from dashboard.serving.writer import Unheard, Writing
from storage.log import PredictionLog
from storage.models.shadow import ShadowAnswer

CAPACITY = 2_000
GROUP_SIZE = 100
LINGER = 0.05
_log = logging.getLogger(__name__)


class Shadowing:
    """A queue of requests to be scored unheard; where it is full, a request is left out and counted."""

    def __init__(self, log: PredictionLog, versions: Versions, writing: Writing) -> None:
        self._log, self._versions, self._writing = log, versions, writing
        self.n_left_out = 0
        self._queue: Grouping[Trial, None] = Grouping(
            "shadow", self._score, capacity=CAPACITY, group_size=GROUP_SIZE, linger=LINGER
        )

    def put(self, trial: Trial) -> None:
        """Let a request be scored when there is time; nothing is raised, for it has its answer already."""
        try:
            self._queue.put(trial)
        except Exception:  # the queue is full, or its thread cannot begin: the trial goes on with one request less
            self.n_left_out += 1

    def close(self) -> None:
        """Score what waits and take nothing more."""
        self._queue.close()

    def _score(self, trials: list[Trial]) -> list[Exception | None]:
        for model, version, answered_by in dict.fromkeys((one.model, one.version, one.answered_by) for one in trials):
            own = [one for one in trials if (one.model, one.version, one.answered_by) == (model, version, answered_by)]
            try:
                self._writing.put(Unheard(model, self._answers(model, version, answered_by, own)))
            except Exception:
                # The trial goes on with one group less.
                self.n_left_out += len(own)
                _log.exception("Version %s of model %s could not be tried on %s requests.", version, model, len(own))
        return [None] * len(trials)

    def _answers(self, model: str, version: str, answered_by: str, trials: Sequence[Trial]) -> list[ShadowAnswer]:
        answers = [_failed(one, one.error) for one in trials if one.error is not None]
        asked = [one for one in trials if one.error is None]
        if not asked:
            return answers
        said, seconds = self._timed(model, version, asked)
        # Both are timed here, on the same requests at once: how many are answered together would tell them apart.
        _, answered_seconds = self._timed(model, answered_by, asked)
        for trial, one in zip(asked, said, strict=True):
            if isinstance(one, Exception):
                answers.append(_failed(trial, f"{type(one).__name__}: {one}"))
                continue
            answers.append(
                ShadowAnswer(
                    request_id=trial.request.request_id,
                    version=version,
                    answered_by=answered_by,
                    prediction=one.label,
                    score=one.score,
                    seconds=seconds,
                    answered_seconds=answered_seconds,
                )
            )
        return answers

    def _timed(self, model: str, version: str, trials: Sequence[Trial]) -> tuple[list[Answer | Exception], float]:
        """Return what a version says and how long it takes for each request."""
        try:
            fitted = self._versions.get(model, version)
        except ValueError as error:
            return [error] * len(trials), 0.0
        columns, rules = self._log.columns(model), self._log.rules(model)
        began = time.perf_counter()
        said = answers_of(fitted, columns, rules, [one.request for one in trials])
        return said, (time.perf_counter() - began) / len(trials)


def _failed(trial: Trial, error: str | None) -> ShadowAnswer:
    return ShadowAnswer(
        request_id=trial.request.request_id, version=trial.version, answered_by=trial.answered_by, error=error
    )

"""A simulation that goes on: a healthy history first, then rows at some speed, answered by whichever version serves.

Rows bear the real time at which they are written, so that what people and workers do meanwhile (a retrain, a promotion)
stands at its place in the log. What runs fast is the shop: 400 requests are a day of its rhythm, and labels come a few
of its hours after the request.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import numpy as np
import pandas as pd

from drift.data.windows import LastRows
from seed.answers import Answered, Answering
from seed.history import REFERENCE_NAME, History, only_one, refuse_foreign_rows, write_history
from seed.scenarios import SCENARIOS, Shape, check_scenario, simulate, strengths
from seed.shop_time import positions_of, times_of
from storage import PredictionLog
from storage.database.engine import cleaning_up
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, TRAINING_ROWS, Lesson
from storage.jobs.runs import Run
from storage.models.registry import OtherChampion
from storage.models.shadow import append_shadow

LABEL_DELAY = timedelta(hours=3)
# A gradual drift is complete after so long, and a recurring one has come and gone once.
DRIFT_SPAN = timedelta(days=10)
_NEWEST = LastRows(1)
_EVER = datetime(2240, 1, 1, tzinfo=UTC)
_BATCH_SECONDS = 0.5
_MIN_BATCH, _MAX_BATCH = 20, 1_000
# Who is further behind, such as after the machine slept, does not catch up.
_MOST_BEHIND_SECONDS = 2.0
_MILLISECOND = timedelta(milliseconds=1)

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """How a simulation ended, and the sentence that says so."""

    state: Literal["done", "stopped", "exists", "busy"]
    sentence: str


def play(
    log: PredictionLog,
    settings: Settings,
    lesson: Lesson,
    *,
    parent: int | None = None,
    tell: Tell = lambda n_done, n_rows: None,
) -> Outcome:
    """Simulate until the rows are written, somebody asks to stop, or the parent process is gone.

    One process plays a model at a time. One that was stopped or killed is taken up where its last transaction ended;
    only labels that were under way then never come.

    Raises
    ------
    ValueError
        If there is no such scenario, or the model holds rows that are not of this simulation.
    """
    check_scenario(lesson.scenario, lesson.shape, lesson.strength)
    with only_one(settings.artifacts, f"{settings.database_url}/{lesson.model}") as alone:
        if not alone:
            return Outcome("busy", f"Another process plays model {lesson.model!r}; nothing was done here.")
        try:
            run = runs.begin(log, lesson.model, lesson.source, lesson.n_rows, lesson.fingerprint, once=True)
        except runs.RunDone:
            return Outcome("exists", f"Model {lesson.model!r} is played to its end already; nothing was changed.")
        if run.state == "stopped":
            runs.go_on(log, run.id)
        try:
            refuse_foreign_rows(log, run)
            _write_history(log, settings, lesson, run, tell)
            state, why = _Live(log, settings, lesson, runs.read_run(log, run.id), parent).run(tell)
        except BaseException as error:
            said = " ".join(str(error).split()) or type(error).__name__
            with cleaning_up(error):
                runs.finish(log, run.id, "stopped", f"stopped: {said}")
            raise
        runs.finish(log, run.id, state, why)
    return Outcome(state, f"Model {lesson.model!r}: {why}.")


def _write_history(log: PredictionLog, settings: Settings, lesson: Lesson, run: Run, tell: Tell) -> None:
    if run.n_done >= HISTORY_ROWS and REFERENCE_NAME in {one.name for one in log.references(lesson.model)}:
        return
    runs.say(log, run.id, "training the first model on a healthy history")
    requests, trained_at = history_rows(lesson, run.started_at)
    history = History(requests, trained_at, run.started_at, lesson.seed, lesson.fingerprint[:8])
    write_history(log, settings, history, run, tell)


def history_rows(lesson: Lesson, end: datetime) -> tuple[pd.DataFrame, datetime]:
    """Return healthy requests as if they had come at the speed of the lesson until `end`, and when training ends.

    Returns
    -------
    frame, trained_at : DataFrame of `HISTORY_ROWS` requests in time order, and an instant
        As `seed.scenarios.simulate` returns them; what is labelled after `end` has no label yet.
    """
    rng = np.random.default_rng(lesson.seed)
    positions = np.arange(HISTORY_ROWS) + rng.random(HISTORY_ROWS)
    frame = _simulated(rng, lesson, positions)
    came = positions_of(pd.DatetimeIndex(frame["labelled_at"]))
    in_time = came < HISTORY_ROWS
    frame["label"] = frame["label"].where(in_time, None)
    frame["labelled_at"] = _instants(lesson, np.where(in_time, came, np.nan), end)
    frame["predicted_at"] = _instants(lesson, positions, end)
    frame["request_id"] = _request_ids(lesson, 0, HISTORY_ROWS)
    return frame, _instants(lesson, np.array([float(TRAINING_ROWS)]), end)[0].to_pydatetime()


def _instants(lesson: Lesson, positions: np.ndarray, end: datetime) -> pd.DatetimeIndex:
    seconds = (positions - HISTORY_ROWS) / lesson.speed
    return pd.DatetimeIndex(pd.Timestamp(end).as_unit("us") + pd.to_timedelta(seconds, unit="s").round("us"))


def _simulated(rng: np.random.Generator, lesson: Lesson, positions: np.ndarray) -> pd.DataFrame:
    """Return requests of the shop, with labels that come at some time of the shop."""
    scenario, times = SCENARIOS[lesson.scenario], times_of(positions)
    onset = times_of(np.array([float(lesson.onset)]))[0]
    drift = strengths(scenario, times, onset, cast(Shape, lesson.shape), lesson.strength, DRIFT_SPAN)
    return simulate(rng, scenario, times, drift, _EVER, LABEL_DELAY)


def _request_ids(lesson: Lesson, first: int, n: int) -> list[str]:
    return [f"{lesson.model}-{lesson.seed}-{k:07}" for k in range(first, first + n)]


class _Live:
    """The part of a simulation that is written while people watch."""

    def __init__(self, log: PredictionLog, settings: Settings, lesson: Lesson, run: Run, parent: int | None) -> None:
        self.log, self.lesson, self.run_row, self.parent = log, lesson, run, parent
        self.answering = Answering(log, settings, lesson.model)
        self.rng = np.random.default_rng([lesson.seed, run.n_done])
        self.awaited = pd.DataFrame({"request_id": [], "label": [], "position": []})

    def run(self, tell: Tell) -> tuple[Literal["done", "stopped"], str]:
        """Write batch after batch; return how it ended and why."""
        size = int(np.clip(self.lesson.speed * _BATCH_SECONDS, _MIN_BATCH, _MAX_BATCH))
        due = time.monotonic()
        while (left := self.lesson.n_rows - self.run_row.n_done) > 0:
            if runs.read_run(self.log, self.run_row.id).state == "stopping":
                return "stopped", "stopped as asked"
            if self.parent is not None and os.getppid() != self.parent:
                return "stopped", "stopped because the server ended"
            n = min(size, left)
            self._write(n)
            tell(self.run_row.n_done, self.lesson.n_rows)
            due = max(due + n / self.lesson.speed, time.monotonic() - _MOST_BEHIND_SECONDS)
            time.sleep(max(0.0, due - time.monotonic()))
        return "done", f"all {self.lesson.rows:,} live rows are written"

    def _write(self, n: int) -> None:
        """Let one batch of requests come and be answered, and the labels that are due."""
        first = self.run_row.n_done
        positions = first + np.arange(n) + self.rng.random(n)
        requests = _simulated(self.rng, self.lesson, positions)
        requests["request_id"] = _request_ids(self.lesson, first, n)
        came = positions_of(pd.DatetimeIndex(requests["labelled_at"]))
        known = requests.assign(position=came)[requests["label"].notna()]
        self.awaited = pd.concat([self.awaited, known[["request_id", "label", "position"]]], ignore_index=True)
        answered = self._answered(requests.drop(columns=["label", "labelled_at", "sentiment"]))
        self.run_row = replace(self.run_row, n_done=first + n)
        append_shadow(self.log, self.lesson.model, answered.unheard)
        self._label(first + n)

    def _answered(self, requests: pd.DataFrame) -> Answered:
        """Log requests with the answers of the versions that serve; once more where one was promoted meanwhile."""
        while True:
            answered = self.answering.answer(requests)
            rows = answered.rows.assign(predicted_at=self._real_times(len(requests)))
            try:
                self.log.append(self.lesson.model, rows, run=self.run_row, champion=answered.champion)
            except OtherChampion:
                continue
            return answered

    def _real_times(self, n: int) -> pd.DatetimeIndex:
        """Return n instants up to now, after every row of the log: spread as if they had come one by one."""
        now = datetime.now(UTC)
        newest = self.log.extent(self.lesson.model, _NEWEST).end
        start = now - timedelta(seconds=n / self.lesson.speed)
        if newest is not None:
            start = max(start, newest + _MILLISECOND)
        return pd.DatetimeIndex(pd.date_range(start, max(now, start), periods=n)).as_unit("us")

    def _label(self, position: int) -> None:
        """Write the labels that have come by now, by the time of the shop."""
        is_due = self.awaited["position"] <= position
        due, self.awaited = self.awaited[is_due], self.awaited[~is_due]
        if len(due):
            self.log.label(self.lesson.model, due["request_id"].tolist(), due["label"].tolist(), datetime.now(UTC))

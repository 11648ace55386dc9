"""A log to look at: simulated reviews, a model really trained on the first of them, and what it said of the others."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from seed.history import History, Progress, only_one, refuse_foreign_rows, write_history
from seed.scenarios import SCENARIOS, Shape, check_scenario, request_times, simulate, strengths
from storage import PredictionLog
from storage.database.engine import cleaning_up
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.runs import Run

SPAN = timedelta(days=60)
TRAINING = timedelta(days=21)
REFERENCE = timedelta(days=14)
DRIFT = timedelta(days=10)
MIN_ROWS, MAX_ROWS = 1_000, 1_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to build; `end` is the present of the log (default: when the building begins)."""

    model: str = "reviews"
    scenario: str = "vocabulary"
    rows: int = 12_000
    seed: int = 7
    shape: Shape = "sudden"
    strength: float = 1.0
    end: datetime | None = None
    source: str = "demo"

    def __post_init__(self) -> None:
        check_scenario(self.scenario, self.shape, self.strength)
        if not MIN_ROWS <= self.rows <= MAX_ROWS:
            raise ValueError(f"rows must be between {MIN_ROWS:,} and {MAX_ROWS:,}; got {self.rows:,}.")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}.")
        if self.end is not None and self.end.tzinfo is None:
            raise ValueError(f"end must carry a time zone, such as +00:00; got {self.end}.")

    @property
    def fingerprint(self) -> str:
        """What two equal plans have in common."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


DEMO = Plan()


@dataclass(frozen=True)
class Outcome:
    """What became of a plan, and the sentence that says so."""

    state: Literal["built", "exists", "busy"]
    sentence: str


def build_demo(
    log: PredictionLog, settings: Settings, plan: Plan = DEMO, progress: Progress = lambda n_done, n_rows: None
) -> Outcome:
    """Fill a model's log as planned, once: train its model, log its answers, freeze its reference.

    The model is fitted on the labelled rows of the first three weeks. What it says of rows that it was fitted on
    would look too confident, so the answers logged for these weeks come from models that were fitted without the row
    in question (they carry no version), and the reference is frozen on the two weeks that follow. The scenario takes
    the last ten of the sixty days.

    An interrupted run, however rudely, goes on with the same rows where its last transaction ended.

    Raises
    ------
    ValueError
        If the model has rows that are not of this plan.
    """
    if runs.read_done_run(log, plan.fingerprint) is not None:
        return Outcome("exists", f"Model {plan.model!r} is as planned already; nothing was changed.")
    with only_one(settings.artifacts, f"{settings.database_url}/{plan.model}") as alone:
        if not alone:
            return Outcome("busy", f"Another process is building model {plan.model!r}; nothing was done here.")
        try:
            run = runs.begin(log, plan.model, plan.source, plan.rows, plan.fingerprint, once=True)
        except runs.RunDone:  # while this process came here
            return Outcome("exists", f"Model {plan.model!r} is as planned already; nothing was changed.")
        try:
            refuse_foreign_rows(log, run)
            _build(log, settings, plan, run, progress)
        except BaseException as error:
            said = " ".join(str(error).split()) or type(error).__name__
            with cleaning_up(error):
                runs.finish(log, run.id, "stopped", f"stopped: {said}")
            raise
        runs.finish(log, run.id)
    return Outcome("built", f"Model {plan.model!r}: {plan.rows:,} rows, scenario {plan.scenario}.")


def planned_rows(plan: Plan, end: datetime) -> pd.DataFrame:
    """Return the requests of a plan whose present is `end`, in time order; no model has answered them yet.

    Returns
    -------
    DataFrame, shape (plan.rows, columns of the log and `sentiment`)
        As `seed.scenarios.simulate` returns it, with a request id for every row.
    """
    rng = np.random.default_rng(plan.seed)
    times = request_times(rng, plan.rows, end - SPAN, end)
    scenario = SCENARIOS[plan.scenario]
    drift = strengths(scenario, times, end - DRIFT, plan.shape, plan.strength)
    frame = simulate(rng, scenario, times, drift, end)
    frame["request_id"] = [f"{plan.model}-{plan.seed}-{k:06}" for k in range(plan.rows)]
    return frame


def _build(log: PredictionLog, settings: Settings, plan: Plan, run: Run, progress: Progress) -> None:
    # A run that was taken up again must see the same present as before.
    end = (plan.end or run.started_at).astimezone(UTC)
    runs.say(log, run.id, "writing reviews and training the model")
    trained_at = end - SPAN + TRAINING
    history = History(planned_rows(plan, end), trained_at, trained_at + REFERENCE, plan.seed, plan.fingerprint[:8])
    write_history(log, settings, history, run, progress)

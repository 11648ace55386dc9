"""What the buttons of the Lesson page do: write the row of a simulation, start its process, ask it to stop.

They run as callbacks, before the page is drawn.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import streamlit as st

from dashboard.background.first_run import start_seed
from dashboard.lesson.words import AFTER, SHAPES, SPEEDS
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, Lesson
from storage.jobs.runs import Run

State = Literal["preparing", "running", "stopping", "interrupted", "stopped", "done"]
NAME = "lesson"
# A simulation writes its row twice a second once it is live; before that a model is trained.
_SILENT = timedelta(seconds=30)
_SECONDS, _MOST_ROWS = 600, 300_000
DEFAULTS: dict[str, Any] = {
    "scenario": "vocabulary",
    "shape": "sudden",
    "strength": 100,
    "speed": SPEEDS[1],
    "after": AFTER[2],
}


def state_of(run: Run, now: datetime) -> State:
    """Say how a simulation stands; one whose process was killed has not been able to say so."""
    if run.state in ("stopped", "failed"):
        return "stopped"
    if run.state == "done":
        return "done"
    if now - run.updated_at > _SILENT:
        return "interrupted"
    if run.state == "stopping":
        return "stopping"
    # The first live rows come once the reference is frozen.
    return "preparing" if run.n_done <= HISTORY_ROWS else "running"


def is_live(state: State) -> bool:
    """Tell whether a process works on it, as far as anyone can see."""
    return state in ("preparing", "running", "stopping")


def play(log: PredictionLog, settings: Settings) -> None:
    """Begin a new simulation, of a model of its own, as the controls say."""
    chosen: dict[str, Any] = {
        name: st.session_state.get(f"lesson_{name}", default) for name, default in DEFAULTS.items()
    }
    speed = int(chosen["speed"] or DEFAULTS["speed"])
    lesson = Lesson(
        model=free_name(log),
        scenario=str(chosen["scenario"]),
        shape=str(chosen["shape"] or next(iter(SHAPES))),
        strength=int(chosen["strength"]) / 100,
        speed=speed,
        after=int(chosen["after"]),
        rows=min(_SECONDS * speed, _MOST_ROWS),
    )
    _start(log, settings, lesson)


def go_on(log: PredictionLog, settings: Settings, run: Run) -> None:
    """Take up a simulation that was stopped or killed."""
    _start(log, settings, Lesson.of(run))


def stop(log: PredictionLog, run_id: int) -> None:
    """Ask a simulation to stop."""
    runs.ask_to_stop(log, run_id)


def free_name(log: PredictionLog) -> str:
    """Return the first name that no model and no simulation bears: lesson, lesson-2, and so on."""
    taken = {*log.models(), *(run.model for run in runs.read_runs(log, limit=1_000))}
    names = (NAME if k == 1 else f"{NAME}-{k}" for k in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _start(log: PredictionLog, settings: Settings, lesson: Lesson) -> None:
    # The row first: whoever looks sees at once that something begins, and a second click finds it.
    run = runs.begin(log, lesson.model, lesson.source, lesson.n_rows, lesson.fingerprint)
    if run.state == "running" and run.n_done and is_live(state_of(run, datetime.now(UTC))):
        return
    runs.go_on(log, run.id)
    told = {"scenario": lesson.scenario, "model": lesson.model, "shape": lesson.shape, "strength": lesson.strength}
    told |= {"speed": lesson.speed, "after": lesson.after, "rows": lesson.rows, "seed": lesson.seed}
    arguments = ["--live", *(f"--{name}={value}" for name, value in told.items()), f"--parent={os.getpid()}"]
    st.session_state["lesson_begun"] = lesson.model
    try:
        process = start_seed(settings, arguments, "lesson.log")
    except OSError as error:  # the row is there: it says why nothing moves, and can be gone on with
        runs.finish(log, run.id, "stopped", f"its process cannot be started: {error.strerror}")
        return
    # Somebody has to take note of its end; where it stands, its row tells.
    threading.Thread(target=process.wait, name=f"lesson {process.pid}", daemon=True).start()

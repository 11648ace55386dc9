"""What the buttons of the Retrain page do. `storage` checks every action again, whatever the browser sent.

They run as callbacks, before the page is drawn: a click on a page that is no longer true is answered and not lost.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from retrain.launchers import ensure_worker
from retrain.params import RetrainParams
from storage import PredictionLog, jobs
from storage.jobs import Answer
from storage.settings import Settings

_ANSWER, _MISSING = "jobs_answer", "jobs_missing"
NEEDED = {
    "actor": "Your name must be given: it goes into the audit list.",
    "reason": "A reason must be given: whoever approves has to know why.",
    "note": "A note must be given to refuse: whoever asked has to know why.",
    "roll_back_reason": "A reason must be given: whoever comes next has to know why.",
}


def start(log: PredictionLog, settings: Settings, model: str) -> None:
    """Start a job with the reason of the form, and see to it that a worker lives."""
    if not _given("actor", "reason"):
        return

    def begin() -> Answer:
        wanted = RetrainParams(**_settings()).to_mapping().items()
        params = {name: value for name, value in wanted if value != getattr(RetrainParams, name)}
        started = jobs.start(log, model, _field("reason"), _field("actor"), params=params)
        woken = f" {ensure_worker(settings)}" if started.started else ""
        return Answer(started.started, f"{started.message}.{woken}")

    _act(begin, "reason")


def wake(settings: Settings) -> None:
    """See to it that a worker lives."""
    _act(lambda: Answer(True, ensure_worker(settings)))


def approve(log: PredictionLog, job_id: int) -> None:
    """Let a job go on."""
    if _given("actor"):
        _act(lambda: jobs.approve(log, job_id, _field("actor"), _field("note")), "note")


def refuse(log: PredictionLog, job_id: int) -> None:
    """End a job that waits for a person."""
    if _given("actor", "note"):
        _act(lambda: jobs.refuse(log, job_id, _field("actor"), _field("note")), "note")


def cancel(log: PredictionLog, job_id: int) -> None:
    """Stop a job."""
    if _given("actor"):
        _act(lambda: jobs.cancel(log, job_id, _field("actor")))


def roll_back(log: PredictionLog, model: str) -> None:
    """Bring the version back that served before."""
    if _given("actor", "roll_back_reason"):
        _act(lambda: jobs.rollback(log, model, _field("actor"), _field("roll_back_reason")), "roll_back_reason")


def pop_answer() -> Answer | None:
    """Return what the last action came to, once."""
    answer: Answer | None = st.session_state.pop(_ANSWER, None)
    return answer


def is_missing(field: str) -> bool:
    """Tell whether the last action lacked a field, once."""
    missing: set[str] = st.session_state.get(_MISSING, set())
    lacked = field in missing
    missing.discard(field)
    return lacked


def _settings() -> dict[str, Any]:
    """Return what the form sets."""
    given = {"override": st.session_state.get("override"), "window_rows": st.session_state.get("window_rows")}
    share = st.session_state.get("holdout")
    given["holdout_share"] = share / 100 if share else None
    return {name: value for name, value in given.items() if value}


def _field(name: str) -> str:
    return str(st.session_state.get(name) or "").strip()


def _given(*names: str) -> bool:
    missing = {name for name in names if not _field(name)}
    st.session_state[_MISSING] = missing
    return not missing


def _act(action: Callable[[], Answer], *clears: str) -> None:
    """Do something and keep the answer for the page; fields that are used up become empty."""
    try:
        answer = action()
    except ValueError as error:
        answer = Answer(False, str(error))
    st.session_state[_ANSWER] = answer
    if answer.accepted:
        for name in clears:
            st.session_state[name] = ""

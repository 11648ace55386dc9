"""What the buttons of the Retrain page do; they run as callbacks, before the page is drawn."""

from typing import Any

import streamlit as st

from dashboard.acting.actions import act, field, given
from retrain.params import RetrainParams
from retrain.workers.launchers import ensure_worker
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import decisions, queue
from storage.jobs.decisions import Answer
from storage.models import promotion


def start(log: PredictionLog, settings: Settings, model: str) -> None:
    """Start a job with the reason of the form, and see to it that a worker lives."""
    if not given("actor", "reason"):
        return

    def begin() -> Answer:
        wanted = RetrainParams(**_settings()).to_mapping().items()
        params = {name: value for name, value in wanted if value != getattr(RetrainParams, name)}
        dry_run = bool(st.session_state.get("dry_run"))
        started = queue.start(log, model, field("reason"), field("actor"), params=params, dry_run=dry_run)
        return _with_worker(Answer(started.started, started.message), settings)

    act(begin, "reason")


def wake(settings: Settings) -> None:
    """See to it that a worker lives."""
    found = ensure_worker(settings)
    act(lambda: Answer(found.is_there, found.said))


def approve(log: PredictionLog, settings: Settings, job_id: int) -> None:
    """Let a job go on, and see to it that somebody is there to do so."""
    if not given("actor"):
        return

    def go_on() -> Answer:
        return _with_worker(decisions.approve(log, job_id, field("actor"), field("note")), settings)

    act(go_on, "note")


def refuse(log: PredictionLog, job_id: int) -> None:
    """End a job that waits for a person."""
    if given("actor", "note"):
        act(lambda: decisions.refuse(log, job_id, field("actor"), field("note")), "note")


def cancel(log: PredictionLog, job_id: int) -> None:
    """Stop a job."""
    if given("actor"):
        act(lambda: decisions.cancel(log, job_id, field("actor")))


def roll_back(log: PredictionLog, model: str) -> None:
    """Bring the version back that served before."""
    if given("actor", "roll_back_reason"):
        act(lambda: decisions.rollback(log, model, field("actor"), field("roll_back_reason")), "roll_back_reason")


def end_trial(log: PredictionLog, model: str) -> None:
    """Withdraw the challenger that is on trial."""
    if given("actor", "trial_reason"):
        act(lambda: decisions.rollback(log, model, field("actor"), field("trial_reason")), "trial_reason")


def promote_now(log: PredictionLog, settings: Settings, job_id: int) -> None:
    """Let the challenger serve before its trial is over."""
    if not given("actor", "trial_reason"):
        return

    def promote() -> Answer:
        return _with_worker(decisions.promote_now(log, job_id, field("actor"), field("trial_reason")), settings)

    act(promote, "trial_reason")


def retry(log: PredictionLog, settings: Settings, job_id: int) -> None:
    """Open an ended job again at the step that was chosen."""
    if not given("actor", "retry_reason"):
        return

    def again() -> Answer:
        answer = decisions.retry(log, job_id, field("retry_step"), field("actor"), field("retry_reason"))
        return _with_worker(answer, settings)

    act(again, "retry_reason")


def promote_version(log: PredictionLog, model: str) -> None:
    """Let a kept version serve."""
    if not given("actor", "roll_back_reason"):
        return

    def promote() -> Answer:
        version = field("promote_which")
        replaced = promotion.promote_version(log, model, version, field("actor"), field("roll_back_reason"))
        return Answer(True, f"{version} serves now" + (f" instead of {replaced}" if replaced else ""))

    act(promote, "roll_back_reason")


def _with_worker(answer: Answer, settings: Settings) -> Answer:
    """Say after an answer who does the work, if there is any to do."""
    return Answer(True, f"{answer.message}. {ensure_worker(settings)}") if answer.accepted else answer


def _settings() -> dict[str, Any]:
    """Return what the form sets."""
    names = ("override", "window_rows", "rollout", "other_approver")
    given = {name: st.session_state.get(name) for name in names}
    share = st.session_state.get("holdout")
    given["holdout_share"] = share / 100 if share else None
    return {name: value for name, value in given.items() if value}

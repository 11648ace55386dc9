"""A challenger on trial: whom it answers, what the labels say so far, and the way out by hand."""

import pandas as pd
import streamlit as st

from dashboard.acting.who import complain
from dashboard.jobs import buttons
from dashboard.jobs.figures import evidence_figure
from dashboard.jobs.panels import marked, plain_table
from dashboard.jobs.words import phase, trial_sentence
from dashboard.shown.badges import plain, time_text
from dashboard.shown.column_figures import CONFIG
from retrain.params import RetrainParams
from retrain.steps.outputs import JobResult
from retrain.steps.trial import Seen, Trial
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import queue
from storage.jobs.job_rows import Job

_FIGURE_HEIGHT = 230
_LOOK_EVERY = "3s"


def draw_trial(log: PredictionLog, settings: Settings, job: Job) -> None:
    """Draw a trial, anew whenever somebody has looked at it, and the two buttons that end it."""
    st.fragment(_follow, run_every=_LOOK_EVERY, key="follow_trial")(log, job.id)
    with st.form("trial_form", border=False, enter_to_submit=False):
        st.text_input("Reason to end it by hand", key="trial_reason", max_chars=500, placeholder="why not wait?")
        complain("trial_reason")
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button(
                "Roll back",
                icon=":material/undo:",
                key="trial_back",
                on_click=buttons.end_trial,
                args=(log, job.model),
            )
            st.form_submit_button(
                "Promote now",
                icon=":material/rocket_launch:",
                key="promote_now",
                on_click=buttons.promote_now,
                args=(log, settings, job.id),
            )


def _follow(log: PredictionLog, job_id: int) -> None:
    job = queue.read_job(log, job_id)
    if phase(job) == "trial":
        _draw(job)
        if job.lease_owner is None:
            st.caption(f"Next look at {job.not_before:%H:%M:%S %Z}.")


def _draw(job: Job) -> None:
    trial = JobResult.of(job.result).trial
    st.markdown("**Trial of the challenger**")
    st.markdown(trial_sentence(job))
    if trial is None:
        return
    _draw_numbers(trial)
    if trial.seen and trial.seen.history:
        margin = (job.params or {}).get("max_loss", RetrainParams.max_loss)
        figure = evidence_figure(trial.seen.history, margin)
        st.plotly_chart(figure, height=_FIGURE_HEIGHT, config=CONFIG, key="evidence")
    elif trial.share:
        st.caption("The evidence is drawn here as soon as labels of requests that both models scored come in.")
    if trial.seen and trial.seen.guardrails:
        rails = trial.seen.guardrails
        rows = [[marked(rail.name, "passed" if rail.passed else "against"), plain(rail.text)] for rail in rails]
        plain_table(pd.DataFrame(rows), "Guardrails, which act without labels")


def _draw_numbers(trial: Trial) -> None:
    """Draw where the trial is, as four short figures."""
    seen = trial.seen
    numbers = {
        "Answers": f"{trial.share:.0%}" if trial.share else "none yet",
        "Scored by both": f"{seen.n_scored if seen else 0:,}",
        "Labelled": f"{seen.n_labelled if seen else 0:,}",
        "More labels needed": _needed(seen) if trial.share and seen else "—",
    }
    for column, (name, value) in zip(st.columns(len(numbers), gap="small"), numbers.items(), strict=True):
        column.metric(name, value)
    st.caption(f"On trial since {time_text(trial.since)}.")


def _needed(seen: Seen) -> str:
    if seen.n_more is None:
        return "far more"
    return f"about {seen.n_more:,}" if seen.n_more else "none"

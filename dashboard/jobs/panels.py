"""The pieces of the Retrain page: forms, the running job, two models compared, versions."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.acting.who import complain
from dashboard.jobs import buttons
from dashboard.jobs.checks import Check
from dashboard.jobs.data import counted
from dashboard.jobs.steps import steps_table
from dashboard.jobs.words import (
    PLAN,
    STATE_LOOK,
    STATE_WORDS,
    STEP_TITLES,
    doing,
    phase,
)
from dashboard.shown.badges import plain, time_text
from retrain.params import RetrainParams
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import queue
from storage.jobs.job_rows import Job
from storage.jobs.workers import read_live_workers

_LOG_HEIGHT = 260
# How often a job is drawn anew while it moves by itself.
_LIVE = {"working": "1s", "trial": "5s"}
_ROLLOUTS = {
    "": "as the traffic allows",
    "canary": "shadow, then a growing share of the requests",
    "direct": "serves everything at once",
}
# Keeps an icon and its word on one line.
_NBSP = "\u00a0"


def draw_start(log: PredictionLog, settings: Settings, model: str, checks: Sequence[Check], n_labelled: int) -> None:
    """Draw the form that starts a job; where it must not be, the button says why."""
    st.markdown("**Start a retrain**")
    waivable = any(check.waivable and not check.passed for check in checks)
    waived = waivable and st.checkbox("Start in spite of the cool-down (the audit list says so)", key="override")
    against = [check.text for check in checks if not check.passed and not (check.waivable and waived)]
    with st.form("start_form", border=False, enter_to_submit=False):
        st.text_area("Reason", key="reason", height=78, max_chars=500, placeholder="why now? for example: new words")
        complain("reason")
        _draw_data_settings(n_labelled)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.form_submit_button(
                "Start retrain",
                type="primary",
                icon=":material/model_training:",
                disabled=bool(against),
                key="go",
                on_click=buttons.start,
                args=(log, settings, model),
            )
            if against:
                st.markdown(f":orange[:material/block: {against[0]}]", width="stretch")
            else:
                st.caption("Trains a challenger beside the champion; nothing serves before a person approves.")


def _draw_data_settings(n_labelled: int) -> None:
    """Ask which rows are used: a drift of yesterday is a small part of a long window."""
    defaults = RetrainParams()
    with st.expander("Which rows are used, and how the challenger comes to serve", icon=":material/tune:", key="which"):
        st.number_input(
            "Newest labelled rows",
            1_000,
            1_000_000,
            defaults.window_rows,
            1_000,
            key="window_rows",
            help=f"{counted(n_labelled)} are there. Fewer rows follow a recent change more closely.",
        )
        st.slider(
            "Of these held out to compare both models: the newest",
            5,
            50,
            round(100 * defaults.holdout_share),
            5,
            format="%d %%",
            key="holdout",
            help="What is held out is not trained on: where a drift is recent, hold out less.",
        )
        st.selectbox(
            "Rollout",
            list(_ROLLOUTS),
            key="rollout",
            format_func=lambda name: _ROLLOUTS[name],
            help="A canary needs requests that are answered through POST /predict, and their labels.",
        )
        st.checkbox("Another person than me must approve", key="other_approver")
        st.checkbox("Only compare, register nothing (dry run)", key="dry_run")


def draw_plan() -> None:
    """Draw what a job does, before there was one."""
    st.markdown("**What a retrain does**")
    rows = [[f"**{title.split(':')[0]}**", PLAN[name]] for name, title in STEP_TITLES.items() if name in PLAN]
    plain_table(pd.DataFrame(rows), "The steps of a retrain job")


def draw_preflight(settings: Settings, checks: Sequence[Check], n_workers: int) -> None:
    """Draw what would be used, and whether somebody is there to do it."""
    st.markdown("**Before a start**")
    rows = [[marked(check.name, "passed" if check.passed else "against"), check.text] for check in checks]
    rows.append(_worker_row(settings, n_workers))
    plain_table(pd.DataFrame(rows), "What stands for and against a retrain")


def draw_worker(settings: Settings, n_workers: int) -> None:
    """Draw whether somebody is there to do the work of a job, and the way out if not."""
    plain_table(pd.DataFrame([_worker_row(settings, n_workers)]), "Whether a worker is alive")
    if not n_workers and settings.worker == "auto":
        st.button("Start a worker", icon=":material/play_arrow:", key="wake", on_click=buttons.wake, args=(settings,))


def draw_active_job(log: PredictionLog, job: Job, n_workers: int) -> None:
    """Draw the job that has not ended: while it works anew every second, and a new phase redraws the page."""
    drawn = phase(job)
    if drawn not in _LIVE:
        draw_job(log, job)
    # A job that waits is only watched: drawing it over and over would disturb whoever reads.
    st.fragment(_follow, run_every=_LIVE.get(drawn, "3s"), key="follow")(log, job.id, drawn, n_workers)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Cancel the job",
            icon=":material/cancel:",
            key="cancel",
            disabled=job.state == "cancelling",
            on_click=buttons.cancel,
            args=(log, job.id),
        )
        st.caption("You may leave this page: the job goes on without it.")


def _follow(log: PredictionLog, job_id: int, drawn: str, n_workers: int) -> None:
    job = queue.read_job(log, job_id)
    if phase(job) != drawn or bool(read_live_workers(log)) != bool(n_workers):
        st.rerun(scope="app")
    if drawn in _LIVE:
        _heading(job)
    if drawn == "trial":
        draw_steps(log, job)
    if drawn == "working":
        st.progress(min(max(job.progress, 0.0), 1.0), text=plain(job.note or f"{doing(job)} …"))
        draw_steps(log, job)


def draw_job(log: PredictionLog, job: Job) -> None:
    """Draw a job that stands still."""
    _heading(job)
    draw_steps(log, job)


def draw_steps(log: PredictionLog, job: Job) -> None:
    """Draw a job's steps from first to last, and its log."""
    steps = queue.read_steps(log, job.id)
    plain_table(steps_table(job, steps), f"Steps of job {job.id}", header=True)
    logs = [f"== {step.name}, attempt {step.attempt} ==\n{step.log.rstrip()}" for step in steps if step.log]
    with st.expander("Log", icon=":material/terminal:", key=f"log_{job.id}"):
        # Text and not Markdown: a log holds whatever the data hold.
        st.code("\n".join(logs) or "Nothing is written yet.", language=None, height=_LOG_HEIGHT, wrap_lines=True)


def _heading(job: Job) -> None:
    icon, colour = STATE_LOOK[job.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Job {job.id}**", width="content")
        st.badge(STATE_WORDS[job.state], icon=f":material/{icon}:", color=colour)  # type: ignore[arg-type]  # Streamlit lists its colours, a dict of ours holds text
        asked = f"{job.trigger}, asked for by {plain(job.requested_by)} at {time_text(job.created_at)}"
        st.caption(f"{asked}: {plain(job.reason)}", width="stretch")


def _worker_row(settings: Settings, n_workers: int) -> list[str]:
    where = f" It has the steps run on GitHub, {plain(settings.github_repository)}." * (settings.launcher == "github")
    if n_workers:
        return [marked("Worker", "passed"), f"{n_workers} alive.{where}"]
    if settings.worker == "auto":
        return [marked("Worker", "waits"), f"None is alive; one is started with the job.{where}"]
    return [marked("Worker", "against"), f"None is alive; start one: {plain('python -m retrain worker')}."]


def marked(name: str, mark: str) -> str:
    """Return a name behind an icon; their shapes differ, not only their colours."""
    icon = {"passed": "green[:material/check_circle:]", "against": "orange[:material/block:]"}
    return f":{icon.get(mark, 'blue[:material/schedule:]')}{_NBSP}**{name.replace(' ', _NBSP)}**"


def plain_table(cells: pd.DataFrame, alt: str, *, header: bool = False) -> None:
    """Draw a small table of Markdown cells.

    Parameters
    ----------
    cells : DataFrame of Markdown, drawn row by row
    alt : what the table says, for those who do not see it
    header : whether the names of the columns stand above it
    """
    st.table(cells, border="horizontal", hide_index=True, hide_header=not header, alt=alt)

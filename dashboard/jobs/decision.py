"""Two models compared, and what a person decides about them on the Retrain page."""

import streamlit as st

from dashboard.acting.who import complain
from dashboard.jobs import buttons
from dashboard.jobs.comparison import comparison_table, gain_sentence, recall_losses, slice_losses, slices_table
from dashboard.jobs.figures import calibration_figure
from dashboard.jobs.panels import plain_table
from dashboard.shown.column_figures import CONFIG
from retrain.steps.outputs import Evaluated, JobResult
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs.job_rows import Job

_FIGURE_HEIGHT = 240


def draw_comparison(job: Job) -> None:
    """Draw champion and challenger side by side on the same held-out rows: in all, by part, and how sure they are."""
    found = JobResult.of(job.result)
    st.markdown(f"**Champion against challenger**, job {job.id}")
    st.markdown(gain_sentence(found))
    if found.evaluated is not None:
        _draw_evaluated(found.evaluated, job.id)


def _draw_evaluated(found: Evaluated, job_id: int) -> None:
    for loss in [*recall_losses(found.comparison), *slice_losses(found.slices)]:
        st.markdown(f":orange[:material/warning: {loss}]")
    measures, parts, calibration = st.tabs(["Measures", "Parts of the rows", "Calibration"])
    with measures:
        plain_table(comparison_table(found.comparison), "Champion against challenger", header=True)
        st.caption("In brackets: 95 % intervals; the last column compares both on the same rows.")
    with parts:
        slices, n_more = slices_table(found.slices)
        if slices.empty:
            st.caption("No part of the held-out rows has 50 rows or more.")
        else:
            plain_table(slices, "Both models on parts of the held-out rows", header=True)
            more = f" {n_more} parts in between are not shown." if n_more else ""
            st.caption(f"Where the challenger does worst, and where the traffic grew since the reference.{more}")
    with calibration:
        sides = (found.comparison.champion.calibration, found.comparison.challenger.calibration)
        if any(sides):
            figure = calibration_figure(*sides)
            st.plotly_chart(figure, height=_FIGURE_HEIGHT, config=CONFIG, key=f"calibration_{job_id}")
            st.caption("On the dashed line a model is right as often as it says. Larger marks: more rows.")
        else:
            st.caption("Neither model said how sure it is.")


def draw_decision(log: PredictionLog, settings: Settings, job: Job) -> None:
    """Draw the comparison and take the decision of a person."""
    draw_comparison(job)
    _draw_form(log, settings, job, "Approve", "what you looked at; a refusal needs one")


def draw_proposal(log: PredictionLog, settings: Settings, job: Job) -> None:
    """Draw why a job is proposed, and let a person start or refuse it."""
    st.markdown(f"**A retrain is proposed**, job {job.id}")
    if said := (job.evidence or {}).get("said"):
        st.text(str(said))
    st.caption("Starting it trains a challenger; whether that may serve is asked again.")
    _draw_form(log, settings, job, "Start it", "why; a refusal needs one")


def _draw_form(log: PredictionLog, settings: Settings, job: Job, word: str, placeholder: str) -> None:
    with st.form("decision_form", border=False, enter_to_submit=False):
        st.text_input("Note", key="note", max_chars=500, placeholder=placeholder)
        complain("note")
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button(
                word,
                type="primary",
                icon=":material/check:",
                key="approve",
                on_click=buttons.approve,
                args=(log, settings, job.id),
            )
            st.form_submit_button(
                "Refuse", icon=":material/block:", key="refuse", on_click=buttons.refuse, args=(log, job.id)
            )

"""Which versions serve, and what people change by hand: roll back, promote a kept version, try a job again."""

import pandas as pd
import streamlit as st

from dashboard.acting.who import complain
from dashboard.jobs import buttons
from dashboard.jobs.data import Retraining
from dashboard.jobs.panels import plain_table
from dashboard.shown.badges import plain, time_text
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs import queue
from storage.jobs.job_rows import Job


def draw_versions(log: PredictionLog, found: Retraining) -> None:
    """Draw which versions serve, and the way back."""
    st.markdown("**Versions**")
    rows = []
    for alias in ("champion", "challenger", "shadow", "previous"):
        if version := found.version_of(alias):
            made = f"made {time_text(version.created_at)} by {plain(version.created_by)}"
            made = made if version.uri else "behind imported predictions; has no file"
            rows.append([alias, f"**{plain(version.version)}**", made])
    if rows:
        plain_table(pd.DataFrame(rows), "Versions and their aliases")
    else:
        st.caption("No version is registered; predictions, if any, come from outside.")
    with st.expander("Roll back, or promote another version", icon=":material/undo:", key="roll_back"):
        _draw_by_hand(log, found)


def _draw_by_hand(log: PredictionLog, found: Retraining) -> None:
    """Draw the ways to change what serves without a job: back to what served before, or on to any version kept."""
    trial = found.version_of("challenger") or found.version_of("shadow")
    back = found.version_of("previous")
    target = f"withdraws {trial.version}" if trial else f"{back.version} serves again" if back else ""
    serving = found.champion.version if found.champion else None
    kept = [version.version for version in found.versions if version.uri and version.version != serving]
    with st.form("roll_back_form", border=False, enter_to_submit=False):
        st.text_input("Reason", key="roll_back_reason", max_chars=500, placeholder="what went wrong?")
        complain("roll_back_reason")
        st.form_submit_button(
            plain(f"Roll back: {target}" if target else "Roll back"),
            icon=":material/undo:",
            disabled=not target,
            key="do_roll_back",
            on_click=buttons.roll_back,
            args=(log, found.model),
        )
        if not target:
            st.caption("There is no previous champion to go back to.")
        if kept:
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                st.selectbox("Or let another version serve at once", kept, key="promote_which", width=240)
                st.form_submit_button(
                    "Promote it",
                    icon=":material/rocket_launch:",
                    key="promote_version",
                    on_click=buttons.promote_version,
                    args=(log, found.model),
                )


def draw_retry(log: PredictionLog, settings: Settings, job: Job) -> None:
    """Draw the way to open an ended job again at a step that it had reached."""
    begun = [step.name for step in queue.read_steps(log, job.id)]
    if job.state == "promoted" or not begun:
        return
    with (
        st.expander("Try again from a step", icon=":material/replay:", key="retry"),
        st.form("retry_form", border=False, enter_to_submit=False),
    ):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.selectbox(
                "Step", begun, len(begun) - 1, key="retry_step", width=160, format_func=lambda name: name.capitalize()
            )
            st.text_input("Reason", key="retry_reason", max_chars=500, placeholder="what is different this time?")
        complain("retry_reason")
        st.form_submit_button(
            "Try again",
            icon=":material/replay:",
            key="do_retry",
            on_click=buttons.retry,
            args=(log, settings, job.id),
        )
        st.caption("What the steps before it put out is kept.")

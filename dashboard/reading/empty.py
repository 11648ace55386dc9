"""What stands on the screen while there is nothing to judge, and how fresh it is once there is."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.reading import reads
from dashboard.shown.badges import age_text, is_stale, time_text
from storage.jobs.lessons import is_lesson
from storage.jobs.runs import Run

_IMPORT = "python -m storage import FILE.csv --model NAME --time COLUMN --prediction COLUMN --reference-rows 10000"
_DEMO = "python -m seed --demo"
# A new user's first steps: these pages open without a model.
REACHABLE = ("settings", "lesson")


def no_models() -> None:
    """Say that there is no model yet, what is being made, and how to begin."""
    is_building = any(run.source == "demo" and run.state == "running" for run in reads.runs())
    with st.container(horizontal_alignment="center"), st.container(width=860, gap="medium"):
        st.title("The demo opens in a moment" if is_building else "No model is watched yet", anchor=False)
        _progress()
        left, right = st.columns(2, gap="medium") if not is_building else (st.container(), None)
        with left.container(border=True, height="stretch"):
            st.markdown("**Watch a model of your own**")
            st.caption("Import its prediction log, CSV or Parquet; the first rows become the reference.")
            st.page_link("views/settings.py", label="Upload a file and choose its columns", icon=":material/upload:")
            st.code(_IMPORT, language="bash", wrap_lines=True)
        if right is None:
            return
        with right.container(border=True, height="stretch"):
            st.markdown("**Or start the demo**")
            st.caption("Simulated reviews, a model really trained on them, and sixty days with a drift at the end.")
            st.code(_DEMO, language="bash", wrap_lines=True)
        st.page_link("views/lesson.py", label="Or open the lesson and watch a drift happen", icon=":material/school:")


@st.fragment(run_every="2s")
def _progress() -> None:
    if reads.models():
        st.rerun()
    running = [run for run in reads.runs() if run.state in ("running", "failed", "stopped")]
    if not running:
        st.caption("This page looks every two seconds and opens by itself as soon as rows arrive.")
        return
    _show(running[0])


def _show(run: Run) -> None:
    what = "The demo" if run.source == "demo" else "A lesson" if is_lesson(run) else "An import"
    if run.state == "failed":
        st.badge(f"{what} failed", icon=":material/error:", color="red")
        st.text(run.note or "No more is known.")
        return
    if run.state == "stopped":
        st.badge(f"{what} stopped; start it again to go on", icon=":material/pause_circle:", color="orange")
    share = min(run.n_done / run.n_rows, 1.0) if run.n_rows else 0.0
    rows = f"{run.n_done:,} of {run.n_rows:,} rows" if run.n_rows else f"{run.n_done:,} rows"
    st.progress(share, text=f"{what} is being prepared: {rows}")
    if run.note:
        st.text(run.note[:1].upper() + run.note[1:])


@st.fragment(run_every="15s")
def freshness(model: str) -> None:
    """Say how old the newest row is; new rows refresh the whole page."""
    revision = reads.revision(model)
    if st.session_state.setdefault("seen", (model, revision)) != (model, revision):
        changed = st.session_state["seen"][0] == model
        st.session_state["seen"] = (model, revision)
        if changed:
            st.rerun()
    newest = reads.extent(model, revision, "1").end
    now = datetime.now(UTC)
    if newest is None:
        return
    age = age_text(now - newest) if now > newest else "0 s"
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        if is_stale(reads.extent(model, revision, "1000"), newest, now):
            st.badge(f"Stale: last row {age} ago", icon=":material/schedule:", color="orange", help=time_text(newest))
        else:
            st.caption(f"Last row **{age}** ago · checked {now:%H:%M:%S} UTC", width="content")

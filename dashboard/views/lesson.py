"""Lesson: eight short parts, and a simulator that moves the real board while a class watches."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.lesson import panels
from dashboard.lesson.controls import draw_controls
from dashboard.lesson.path import draw_path
from dashboard.lesson.run import is_live, state_of
from dashboard.reading import reads
from dashboard.reading.scope import find_scope
from storage.jobs.lessons import read_newest_lesson

log, scope = reads.log(), find_scope()
run = read_newest_lesson(log)
state = state_of(run, datetime.now(UTC)) if run else None
model = run.model if run and run.model in reads.models() else None
if model is not None and st.session_state.get("lesson_begun") == model:
    # Whoever pressed Play wants the pages to show it.
    del st.session_state["lesson_begun"]
    if scope is None or scope.model != model:
        st.query_params.from_dict({"model": model})
        st.rerun()

draw_path(scope, model)
left, right = st.columns([2, 5], gap="small")
with left.container(border=True, gap="xsmall", height="stretch", key="simulator"):
    draw_controls(log, reads.settings(), run, state)
with right.container(border=True, gap="xsmall", height="stretch", key="watched"):
    if run is None or state is None:
        st.markdown("**Nothing has been played yet**")
        st.caption(
            "Play trains a model on 4,000 healthy reviews, freezes the next 5,600 as its reference and goes on writing "
            "reviews, which the model answers. The real board judges them: this page and all others show it."
        )
    else:
        every = "2s" if is_live(state) else "5s"
        st.fragment(panels.watch, run_every=every, key="watch")(run.id, state, scope)

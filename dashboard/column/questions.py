"""Questions that take seconds of work, and are therefore only answered when asked."""

from collections.abc import Callable

import streamlit as st

from dashboard.column import question_data
from dashboard.reading.scope import Scope
from dashboard.shown.badges import plain

_QUESTIONS: dict[str, tuple[str, str, Callable[[str, int, str, str | None], str]]] = {
    "joint": ("Did the columns change together?", ":material/hub:", question_data.joint_test),
    "words": ("What is new in the texts?", ":material/spellcheck:", question_data.new_words),
}


def questions(scope: Scope, revision: int) -> None:
    """Offer the questions; the answer stays until the window or the reference is another."""
    about = (scope.model, scope.window_text, scope.reference)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**All columns at once** · columns that look steady one by one may have changed together")
            for name, (question, icon, _) in _QUESTIONS.items():
                if st.button(question, icon=icon, key=f"ask {name}"):
                    st.session_state["asked"] = (name, about)
        name, asked_about = st.session_state.get("asked", ("", None))
        if asked_about == about:
            st.markdown(plain(_QUESTIONS[name][2](scope.model, revision, scope.window_text, scope.reference)))

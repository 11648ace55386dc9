"""Who acts, and what the last action came to: the top of every page with a form, and the complaint below a field."""

import streamlit as st

from dashboard.acting.actions import NEEDED, is_missing, pop_answer
from dashboard.shown.badges import plain


def ask_name() -> None:
    """Ask who acts; the name is kept for the session."""
    with st.container(gap="xxsmall"):
        st.text_input("Your name", key="actor", max_chars=80, persist_state="session", placeholder="who acts?")
        complain("actor")


def draw_answer() -> None:
    """Show what the last action came to."""
    if answer := pop_answer():
        show, icon = (st.success, ":material/check:") if answer.accepted else (st.warning, ":material/info:")
        show(plain(answer.message[:1].upper() + answer.message[1:]), icon=icon)


def complain(field: str) -> None:
    """Say below a field that it lacks something."""
    if is_missing(field):
        st.markdown(f":red[:material/error: {NEEDED[field]}]")

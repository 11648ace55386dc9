"""What the form of every page shares: its fields, what one of them lacks, and what the last action came to.

Actions run as callbacks, before the page is drawn: a click on a page that is no longer true is answered and not lost.
`storage` checks every action again, whatever the browser sent.
"""

from collections.abc import Callable

import streamlit as st

from storage.jobs.decisions import Answer

_ANSWER, _MISSING = "jobs_answer", "jobs_missing"
NEEDED = {
    "actor": "Your name must be given: it goes into the audit list.",
    "reason": "A reason must be given: whoever approves has to know why.",
    "retry_reason": "A reason must be given: what is different this time?",
    "note": "A note must be given to refuse: whoever asked has to know why.",
    "schedule_reason": "A reason must be given: every job that the schedule starts carries it.",
    "trial_reason": "A reason must be given: whoever comes next has to know why the evidence was not waited for.",
    "reference_name": "A name must be given: it is what the reference is chosen by.",
    "alarm_note": "A note must be given: whoever comes next has to know why the alarm was answered.",
    "roll_back_reason": "A reason must be given: whoever comes next has to know why.",
}


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


def field(name: str) -> str:
    """Return what stands in a field of the page."""
    return str(st.session_state.get(name) or "").strip()


def given(*names: str) -> bool:
    """Tell whether all fields are filled in; the page says which are not."""
    missing = {name for name in names if not field(name)}
    st.session_state[_MISSING] = missing
    return not missing


def act(action: Callable[[], Answer], *clears: str) -> None:
    """Do something and keep the answer for the page; fields that are used up become empty."""
    try:
        answer = action()
    except ValueError as error:
        answer = Answer(False, str(error))
    st.session_state[_ANSWER] = answer
    if answer.accepted:
        for name in clears:
            st.session_state[name] = ""

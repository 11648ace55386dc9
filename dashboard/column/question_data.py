"""What the questions about all columns at once come to, cached under the model's revision."""

from collections.abc import Callable

import streamlit as st

from dashboard.reading import reads
from dashboard.reading.addresses import read_span, read_window
from drift.data.series import previous
from drift.data.windows import Window
from drift.monitor import questions
from drift.monitor.boards import PREVIOUS


@st.cache_data(max_entries=8, show_spinner="Asking a classifier …")
def joint_test(model: str, revision: int, window: str, reference: str | None) -> str:
    """Say whether all features changed together, or why that cannot be told."""
    return _answered(lambda: questions.joint(reads.log(), model, *_both(model, window, reference)).said)


@st.cache_data(max_entries=8, show_spinner="Reading the texts …")
def new_words(model: str, revision: int, window: str, reference: str | None) -> str:
    """Say which words and how much meaning is new in the texts of a window, or why that cannot be told."""
    return _answered(lambda: questions.words(reads.log(), model, *_both(model, window, reference)).said)


def _answered(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except ValueError as error:  # too few rows, no texts: an answer too
        return f"Cannot be told: {error}"


def _both(model: str, window: str, reference: str | None) -> tuple[Window, str | Window]:
    """Return a window, and the rows that a question compares it with."""
    current = read_window(window)
    if reference not in (None, PREVIOUS):
        return current, read_span(reference) or str(reference)
    before = previous(current, reads.log().n_rows(model))
    if before is None:
        raise ValueError("no rows come before this window.")
    return current, before

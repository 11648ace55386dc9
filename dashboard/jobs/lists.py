"""The lists below the Retrain page: every job, and everything that was done."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.jobs.words import STATE_LOOK, STATE_WORDS, outcome, phase
from storage.database.audit import AuditEntry
from storage.jobs.job_rows import Job

_CELL_COLOURS = {"blue": "#0B5CAD", "green": "#00695C", "orange": "#8A5A00", "red": "#B4232F", "gray": "#55606E"}
_CELL_MARKS = {"blue": "▶", "green": "●", "orange": "▲", "red": "✕", "gray": "○"}


def draw_history(history: Sequence[Job]) -> None:
    """Draw every job, the newest first."""
    if not history:
        st.caption("No job yet.")
        return
    # An active job changes its state faster than this list is drawn; its live steps stand above.
    looks = {**STATE_LOOK, "working": ("sync", "blue"), "trial": STATE_LOOK["canary"]}
    words = {**STATE_WORDS, "working": "at work", "trial": STATE_WORDS["canary"]}
    marks = {state: f"{_CELL_MARKS[colour]} {words[state]}" for state, (_, colour) in looks.items()}
    rows = [
        {
            "Job": job.id,
            "State": [marks[phase(job)]],
            "Trigger": job.trigger,
            "Reason": job.reason,
            "By": job.requested_by,
            "Started, UTC": f"{job.created_at:%Y-%m-%d %H:%M}",
            "Decided by": job.decided_by or "",
            "Outcome": outcome(job),
        }
        for job in history
    ]
    # Two states may look alike, and an option must not be there twice.
    options = {marks[state]: _CELL_COLOURS[colour] for state, (_, colour) in looks.items()}
    config = {
        "Job": st.column_config.NumberColumn(width=55),
        "State": st.column_config.MultiselectColumn(options=list(options), color=list(options.values()), width=140),
        "Trigger": st.column_config.TextColumn(width=75),
        "Reason": st.column_config.TextColumn(width=260),
        "By": st.column_config.TextColumn(width=80),
        "Started, UTC": st.column_config.TextColumn(width=125),
        "Decided by": st.column_config.TextColumn(width=80),
        "Outcome": st.column_config.TextColumn(width=420),
    }
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, row_height=29, key="history", alt="Jobs, newest first", column_config=config)


def draw_audit(entries: Sequence[AuditEntry]) -> None:
    """Draw who did what, when and why."""
    if not entries:
        st.caption("Nothing was done yet.")
        return
    rows = [
        {
            "At, UTC": f"{entry.at:%Y-%m-%d %H:%M:%S}",
            "Who": entry.actor,
            "Action": entry.action,
            "Detail": ", ".join(f"{name}: {value}" for name, value in (entry.detail or {}).items() if value),
        }
        for entry in entries
    ]
    config = {"Detail": st.column_config.TextColumn(width=760)}
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, row_height=29, key="audit", alt="Actions, newest first", column_config=config)

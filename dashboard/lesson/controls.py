"""The controls of the simulator: what to play, and the buttons that play, stop and go on."""

import streamlit as st

from dashboard.lesson import run as lesson_run
from dashboard.lesson.run import DEFAULTS, State, is_live
from dashboard.lesson.words import AFTER, BROKEN, HEALTHY, MEANINGS, SCENARIOS, SHAPES, SPEEDS
from dashboard.shown.badges import plain
from storage import PredictionLog
from storage.database.settings import Settings
from storage.jobs.runs import Run


def draw_controls(log: PredictionLog, settings: Settings, run: Run | None, state: State | None) -> None:
    """Ask what to play; while something plays, only its end is offered."""
    for name, default in DEFAULTS.items():
        st.session_state.setdefault(f"lesson_{name}", default)
    st.markdown("**Simulator**")
    scenario = st.selectbox(
        "What happens",
        list(SCENARIOS),
        key="lesson_scenario",
        format_func=SCENARIOS.__getitem__,
        persist_state="session",
    )
    st.caption(MEANINGS[str(scenario)])
    _how_it_comes(str(scenario))
    st.segmented_control(
        "Speed",
        list(SPEEDS),
        key="lesson_speed",
        required=True,
        format_func=lambda rows: f"{rows:,} rows/s",
        help="400 rows are a day of this shop: its rhythm and the delay of its labels follow the rows, not the clock.",
        persist_state="session",
    )
    _buttons(log, settings, run, state)


def _how_it_comes(scenario: str) -> None:
    has_onset = scenario not in HEALTHY
    st.segmented_control(
        "How it comes",
        list(SHAPES),
        key="lesson_shape",
        required=True,
        format_func=SHAPES.__getitem__,
        disabled=not has_onset,
        help="Gradual: complete after 4,000 rows. Recurring: 2,000 rows on, 2,000 rows off.",
        persist_state="session",
    )
    left, right = st.columns(2, gap="small")
    left.select_slider(
        "Strength",
        list(range(10, 101, 10)),
        key="lesson_strength",
        format_func=lambda share: f"{share} %",
        disabled=scenario == "none",
        help="The share of rows that it reaches." if scenario in BROKEN else "The share of reviewers whom it reaches.",
        persist_state="session",
    )
    right.selectbox(
        "The drift begins",
        list(AFTER),
        key="lesson_after",
        format_func=lambda rows: f"after {rows:,} rows" if rows else "at once",
        disabled=not has_onset,
        persist_state="session",
    )


def _buttons(log: PredictionLog, settings: Settings, run: Run | None, state: State | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if run is not None and state is not None and is_live(state):
            st.button(
                "Stop",
                icon=":material/stop:",
                key="stop lesson",
                type="primary",
                disabled=state == "stopping",
                on_click=lesson_run.stop,
                args=(log, run.id),
            )
            st.caption(
                f"Model **{plain(run.model)}**. You may leave this page: the simulation goes on.", width="stretch"
            )
            return
        st.button(
            "Play",
            icon=":material/play_arrow:",
            key="play lesson",
            type="primary",
            on_click=lesson_run.play,
            args=(log, settings),
        )
        if run is not None and state in ("stopped", "interrupted"):
            st.button(
                f"Go on with {plain(run.model)}",
                icon=":material/resume:",
                key="go on lesson",
                on_click=lesson_run.go_on,
                args=(log, settings, run),
            )
        told = " Its alarms are sent to the channel for alerts too." if settings.alert_url else ""
        st.caption(f"Play writes a new model, **{plain(lesson_run.free_name(log))}**.{told}", width="stretch")

"""The path of the lesson: eight short parts, each with something to do and a question whose answer is hidden."""

from urllib.parse import urlsplit

import streamlit as st

from dashboard.lesson.words import PARTS, SCENARIOS, Page, Part
from dashboard.reading.scope import Scope

_PAGES: dict[Page, tuple[str, str, str]] = {
    "overview": ("views/overview.py", "Overview", ":material/monitoring:"),
    "columns": ("views/columns.py", "Columns", ":material/tune:"),
    "predictions": ("views/predictions.py", "Predictions", ":material/fact_check:"),
    "jobs": ("views/jobs.py", "Retrain", ":material/model_training:"),
}


def draw_path(scope: Scope | None, model: str | None) -> None:
    """Draw the eight parts; links lead to the model of the simulation, or else to what the pages show anyway.

    Parameters
    ----------
    model : the simulated model, once it holds rows
    """
    with st.container(border=True, gap=None, key="path"):
        tabs = st.tabs([f"{k} {part.title}" for k, part in enumerate(PARTS, 1)], key="lesson_part")
        for number, (tab, part) in enumerate(zip(tabs, PARTS, strict=True), 1):
            with tab:
                _draw_part(number, part, scope, model)


def page_link(page: Page, scope: Scope | None, model: str | None) -> None:
    """Draw a link to a page that keeps what is looked at, or turns to the model of the simulation."""
    path, name, icon = _PAGES[page]
    address = (
        {"model": model} if model and (scope is None or scope.model != model) else scope.address() if scope else {}
    )
    st.page_link(path, label=f"Open {name}", icon=icon, query_params=address, disabled=not address)


def _draw_part(number: int, part: Part, scope: Scope | None, model: str | None) -> None:
    said, asked = st.columns([3, 2], gap="medium")
    with said.container(gap="xsmall"):
        st.markdown(part.told)
        st.markdown(f":material/touch_app: **Do:** {part.task}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if part.setup:
                st.button(
                    f"Set to “{SCENARIOS[part.setup]}”",
                    icon=":material/tune:",
                    key=f"set up {number}",
                    on_click=_set_up,
                    args=(part,),
                )
            if part.page:
                page_link(part.page, scope, model)
        if number == _API:
            _requests(model or (scope.model if scope else "lesson"))
    with asked.container(gap="xsmall"):
        st.markdown(f":material/help: **{part.question}**")
        with st.expander("Answer", key=f"answer {number}"):
            st.markdown(part.answer)


_API = next(number for number, part in enumerate(PARTS, 1) if part.title == "The API")


def _set_up(part: Part) -> None:
    st.session_state["lesson_scenario"] = part.setup
    if part.naive:
        st.session_state["lesson_naive"] = True


def _requests(model: str) -> None:
    """Show two requests to this very server."""
    host = urlsplit(st.context.url or "").netloc or "localhost:8501"
    st.code(
        f"curl -s '{host}/drift-check?model={model}&window=1000'\n"
        f"curl -s {host}/predict -H 'content-type: application/json' \\\n"
        f'  -d \'{{"model": "{model}", "text": "The battery lasts for days!"}}\'',
        language="bash",
        wrap_lines=True,
    )
    st.caption(
        "A model that answers /predict is rolled out in steps: after such a request choose on Retrain that the "
        "challenger “serves everything at once”, or watch shadow and canary for some minutes."
    )

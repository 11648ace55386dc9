"""What all pages look at: a model, a window, a reference and a column, kept in the address of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from dashboard.reading import reads
from dashboard.reading.addresses import read_span, read_window, window_text
from drift.data.windows import LastRows, TimeSpan, Window, WindowExtent
from drift.monitor.boards import PREVIOUS

_MOST_SIDE_BY_SIDE = 4
ROWS = ("500", "1000", "5000", "10000")
BY_TIME = "time"
DEFAULT_WINDOW = "1000"
# Stands for a window of time that is asked for beside it; no reference can be called like this.
ANOTHER = "/"
_PARTS = ("model", "window", "reference", "column")
_WIDGETS = {"model": "model", "window": "rows", "reference": "reference"}


@dataclass(frozen=True)
class Scope:
    """What a page shows; `window_text` is the window as it stands in the address.

    Without a reference, a window is compared with the one before it; a reference may be another window, FROM/TO.
    """

    model: str
    window: Window
    window_text: str
    reference: str | None
    column: str | None

    def address(self, **changed: str) -> dict[str, str]:
        """Return the query parameters of a link to the same view, some of them changed."""
        parts = {"model": self.model, "window": self.window_text, "reference": self.reference, "column": self.column}
        return {name: value for name, value in {**parts, **changed}.items() if value}


def read_scope() -> Scope:
    """Return the scope that the bar above the page has drawn."""
    scope: Scope = st.session_state["scope"]
    return scope


def find_scope() -> Scope | None:
    """Return the scope, or None while no model holds rows: for pages that are there all the same."""
    scope: Scope | None = st.session_state.get("scope")
    return scope


def choose_column(column: str) -> None:
    """Remember the column that a page shows, in the address too."""
    st.session_state["column"] = column
    st.query_params["column"] = column
    st.session_state["address"] = st.query_params.to_dict()


def scope_bar() -> Scope | None:
    """Draw the choice of model, window and reference; return it, or None while there is no model."""
    models = reads.models()
    if not models:
        return None
    _follow_address(models)
    model = str(st.selectbox("Model", models, key="model", width=170, label_visibility="collapsed", on_change=_forget))
    window = _window_choice(model)
    reference = _reference_choice(model, window_text(window))
    scope = Scope(model, window, window_text(window), reference, st.session_state.get("column"))
    st.session_state["scope"] = scope
    # Written only where it differs: every write is a message to the browser.
    if st.query_params.to_dict() != scope.address():
        st.query_params.from_dict(scope.address())
    st.session_state["address"] = scope.address()
    return scope


def _forget() -> None:
    """Let another model begin at its own newest rows and with its own worst column."""
    for key in ("from", "to", "reference from", "reference to", "column"):
        st.session_state.pop(key, None)


def _follow_address(models: Sequence[str]) -> None:
    """Let a pasted or followed link decide; what the address leaves open stays as it was."""
    given = st.query_params.to_dict()
    known = st.session_state.get("address", {})
    # A page that was switched to may have dropped the state of the widgets: the address has it.
    lost = {name for name, key in _WIDGETS.items() if key not in st.session_state}
    known = {name: value for name, value in known.items() if name not in lost}
    new = {name: given[name] for name in _PARTS if name in given and given[name] != known.get(name)}
    if new.get("model") in models:
        st.session_state["model"] = new["model"]
        if new["model"] != st.session_state.get("address", {}).get("model"):
            st.session_state.pop("column", None)
    if "window" in new:
        _follow_window(new["window"])
    if "reference" in new:
        _follow_reference(new["reference"])
    if "column" in new:
        st.session_state["column"] = new["column"]


def _follow_window(text: str) -> None:
    try:
        window = read_window(text)
    except ValueError:
        st.toast("The window in the address is not one; the newest rows are shown.", icon=":material/link_off:")
        return
    if isinstance(window, LastRows):
        st.session_state["rows"] = str(window.n)
    else:
        st.session_state["rows"] = BY_TIME
        _follow_span("", window)


def _follow_reference(text: str) -> None:
    try:
        span = read_span(text)
    except ValueError:
        st.toast("The reference in the address is not one; the default is taken.", icon=":material/link_off:")
        return
    st.session_state["reference"] = text if span is None else ANOTHER
    if span is not None:
        _follow_span("reference ", span)


def _follow_span(prefix: str, span: TimeSpan) -> None:
    st.session_state[f"{prefix}from"] = span.start.astimezone(UTC).replace(tzinfo=None)
    st.session_state[f"{prefix}to"] = span.end.astimezone(UTC).replace(tzinfo=None)


def _window_choice(model: str) -> LastRows | TimeSpan:
    chosen = st.session_state.setdefault("rows", DEFAULT_WINDOW)
    options = sorted({*ROWS, *([chosen] if chosen.isdecimal() else [])}, key=int)
    unit = "" if chosen == BY_TIME else " rows"
    rows = st.segmented_control(
        "Window",
        [*options, BY_TIME],
        key="rows",
        required=True,
        format_func=lambda text: "By time" if text == BY_TIME else f"{int(text):,}{unit}",
        label_visibility="collapsed",
    )
    if rows != BY_TIME:
        return LastRows(int(rows or DEFAULT_WINDOW))
    return _from_to("", reads.extent(model, reads.revision(model), DEFAULT_WINDOW)) or LastRows(int(DEFAULT_WINDOW))


def _from_to(prefix: str, preset: WindowExtent) -> TimeSpan | None:
    """Ask for a span of time in UTC, at first that of some rows; None where it is not one."""
    instants = []
    minute = timedelta(minutes=1)
    asked = (("from", "From (UTC)", preset.start), ("to", "To (UTC)", preset.end))
    for key, label, default in ((f"{prefix}{end}", f"{prefix}{label}".capitalize(), at) for end, label, at in asked):
        if key not in st.session_state:
            default = default or datetime(2026, 1, 1, tzinfo=UTC)
            rounded = default.replace(second=0, microsecond=0) + (minute if key.endswith("to") else 0 * minute)
            st.session_state[key] = rounded.replace(tzinfo=None)
        chosen = st.datetime_input(
            label, key=key, step=minute, width=165, label_visibility="collapsed", help=label, format="YYYY-MM-DD"
        )
        instants.append(chosen.replace(tzinfo=UTC) if chosen else datetime(2026, 1, 1, tzinfo=UTC))
    st.caption("UTC", width="content")
    if instants[0] < instants[1]:
        return TimeSpan(instants[0], instants[1])
    st.badge("From must be before to", icon=":material/error:", color="red")
    return None


def _reference_choice(model: str, window: str) -> str | None:
    frozen = [reference.name for reference in reads.references(model, reads.revision(model))]
    names = [*frozen, PREVIOUS, ANOTHER]
    # A new champion brings a reference of its own: who looks at the board compares with that from then on.
    has_changed = st.session_state.get("reference_default") not in (None, names[0])
    if has_changed or st.session_state.get("reference") not in names:
        st.session_state["reference"] = names[0]
    st.session_state["reference_default"] = names[0]
    said = {PREVIOUS: "vs previous", ANOTHER: "vs a time"}
    shared: dict[str, Any] = {
        "key": "reference",
        "format_func": lambda name: said.get(name, f"vs {name}"),
        "label_visibility": "collapsed",
        "help": None if frozen else "No reference is frozen yet.",
    }
    if len(names) <= _MOST_SIDE_BY_SIDE:
        choice = st.segmented_control("Compare with", names, required=True, **shared)
    else:
        choice = st.selectbox("Compare with", names, width=220, **shared)
    if choice == ANOTHER:
        span = _from_to("reference ", reads.extent_before(model, reads.revision(model), window))
        return window_text(span) if span else PREVIOUS
    # Without a reference none is named, so that one that is frozen later is taken up.
    return str(choice or names[0]) if frozen else None

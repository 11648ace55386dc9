"""Columns of an uploaded file mapped by hand, and what came of trying the mapping on the first rows."""

import streamlit as st

from dashboard import data, imports, settings_data
from dashboard.labels import plain
from dashboard.settings_data import Checked, Choice, Look
from dashboard.settings_words import FIELDS, faults_text, model_name, rejected_text


def ask_what_is_what(token: str, called: str, found: Look) -> tuple[str, Choice]:
    """Ask which column is what; what was guessed is preset."""
    names = [str(name) for name in found.sample.columns]
    fields = []
    with st.grid(5, min_column_width=190, gap="small"):
        model = st.text_input(
            "Model", model_name(called), key=f"{token} model", max_chars=48, help="A new name, or an existing model's."
        )
        for name, (label, help_) in FIELDS.items():
            key = f"{token} {name}"
            # Preset like this and not by an index: only so can a wrong guess be taken back.
            st.session_state.setdefault(key, found.fields.get(name))
            if source := st.selectbox(label, names, None, key=key, placeholder="not in the file", help=help_):
                fields.append((name, str(source)))
    lists = {
        "ignore": ("Columns to leave out", list(found.faults)),
        "numeric": ("Take as numbers whatever they look like", []),
        "categorical": ("Take as categories whatever they look like", []),
    }
    with st.grid(3, min_column_width=250, gap="small"):
        chosen = {
            name: tuple(st.multiselect(label, names, preset, key=f"{token} {name}", placeholder="none"))
            for name, (label, preset) in lists.items()
        }
    if found.faults:
        st.caption(plain(faults_text(found.faults)))
    return model.strip(), Choice(model=model.strip(), fields=tuple(fields), **chosen)


def draw_trial(checked: Checked) -> str:
    """Say what came of the first rows; return what speaks against an import."""
    said = rejected_text(checked.rejected, checked.n_looked_at)
    if len(checked.rejected) == checked.n_looked_at:
        return said
    icon, colour = ("warning", "orange") if checked.rejected else ("check_circle", "green")
    st.markdown(f":{colour}[:material/{icon}:] {plain(said)} Times without a zone are read as UTC.")
    run = settings_data.run_of(data.log(), checked.fingerprint)
    if run is not None and run.state == "done":
        return (
            f"This content was imported into {run.model} on {run.started_at:%Y-%m-%d %H:%M} UTC, read in the same way: "
            "importing it again would count every row twice. Choose another file or another model."
        )
    if run is not None and run.state == "running" and imports.is_worked_on(data.settings(), checked.fingerprint):
        return f"This content is being imported into {run.model} right now: see above."
    return ""

"""Columns of an uploaded file mapped by hand, and what came of trying the mapping on the first rows."""

import streamlit as st

from dashboard.background import imports
from dashboard.reading import reads
from dashboard.settings import data as settings_data
from dashboard.settings.data import Checked, Choice, Look
from dashboard.settings.words import FIELDS, faults_text, model_name, trial_text
from dashboard.shown.badges import plain
from storage.checking.number_forms import DECIMALS, THOUSANDS

_LISTS = {
    "ignore": "Columns to leave out",
    "numeric": "Take as numbers whatever they look like",
    "categorical": "Take as categories whatever they look like",
}


_CLASSES_HELP = "Which class a name of a prediction or label stands for; kept with the model."
_MARKS = {"decimal": ("Decimal mark", DECIMALS), "thousands": ("Mark of thousands", THOUSANDS)}


def _mark_text(mark: str) -> str:
    return "blank" if mark == " " else mark


def ask_what_is_what(token: str, called: str, found: Look) -> Choice:
    """Ask which column is what; what was guessed is preset."""
    names = [str(name) for name in found.sample.columns]
    with st.grid(5, min_column_width=190, gap="small"):
        st.text_input(
            "Model", model_name(called), key=f"{token} model", max_chars=48, help="A new name, or an existing model's."
        )
        for name, (label, help_) in FIELDS.items():
            key = f"{token} {name}"
            # Preset like this and not by an index: only so can a wrong guess be taken back.
            st.session_state.setdefault(key, found.fields.get(name))
            st.selectbox(label, names, None, key=key, placeholder="not in the file", help=help_)
    with st.grid(3, min_column_width=250, gap="small"):
        for name, label in _LISTS.items():
            preset = list(found.faults) if name == "ignore" else []
            st.multiselect(label, names, preset, key=f"{token} {name}", placeholder="none")
    with st.grid(3, min_column_width=250, gap="small"):
        st.text_input("Classes", key=f"{token} classes", placeholder="1=granted,0=refused", help=_CLASSES_HELP)
        for name, (label, marks) in _MARKS.items():
            st.selectbox(
                label, marks, None, key=f"{token} {name}", placeholder="as programs write", format_func=_mark_text
            )
    if found.faults:
        st.caption(plain(faults_text(found.faults)))
    return choice_now(token)


def choice_now(token: str) -> Choice:
    """Return what stands in the form, which may be newer than the page around it."""
    state = st.session_state
    fields = ((name, state.get(f"{token} {name}")) for name in FIELDS)
    lists = {name: tuple(state.get(f"{token} {name}") or ()) for name in _LISTS}
    return Choice(
        model=str(state.get(f"{token} model") or "").strip(),
        fields=tuple((name, str(source)) for name, source in fields if source),
        ignore=lists["ignore"],
        numeric=lists["numeric"],
        categorical=lists["categorical"],
        classes=str(state.get(f"{token} classes") or ""),
        decimal=state.get(f"{token} decimal"),
        thousands=state.get(f"{token} thousands"),
    )


def draw_trial(checked: Checked) -> None:
    """Say what came of the first rows."""
    trial = checked.trial
    if len(trial.rejected) < trial.n:
        icon, colour = ("warning", "orange") if trial.rejected or trial.unreadable else ("check_circle", "green")
        said = trial_text(trial)
        st.markdown(f":{colour}[:material/{icon}:] {plain(said)} Times without a zone are read as UTC.")


def draw_hints(checked: Checked) -> None:
    """Say what may have been overlooked, in the words of the command line."""
    for hint in checked.plan.hints:
        st.caption(f":material/lightbulb: {plain(hint)}")


def problem_of(checked: Checked) -> str:
    """Say what speaks against an import; nothing if it may begin."""
    if len(checked.trial.rejected) == checked.trial.n:
        return trial_text(checked.trial)
    run = settings_data.run_of(reads.log(), checked.fingerprint)
    if run is not None and run.state == "done":
        return (
            f"This content was imported into {run.model} on {run.started_at:%Y-%m-%d %H:%M} UTC, read in the same way: "
            "importing it again would count every row twice. Choose another file or another model."
        )
    if run is not None and run.state == "running" and imports.is_worked_on(reads.settings(), checked.fingerprint):
        return f"This content is being imported into {run.model} right now: see above."
    return ""

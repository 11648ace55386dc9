"""The part of the Settings page that takes a file: upload, preview, columns mapped by hand, import."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import streamlit as st

from dashboard.acting.actions import act, field, given
from dashboard.background import imports, uploads
from dashboard.background.uploads import Upload
from dashboard.reading import reads
from dashboard.settings import data as settings_data
from dashboard.settings.data import Choice, Look
from dashboard.settings.mapping import ask_what_is_what, choice_now, draw_hints, draw_trial, problem_of
from dashboard.settings.words import (
    becomes_table,
    bytes_text,
    existing_text,
    preview_table,
)
from dashboard.shown.badges import plain
from storage.jobs.decisions import Answer

_COMMAND = "python -m storage import FILE --model NAME --time COLUMN --prediction COLUMN --reference-rows 10000"
_MOST_REFERENCE = 50_000
_PREVIEW_ROWS = 50
_TABLE_HEIGHT = 225
_REFERENCES = {"rows": "The first rows", "until": "The rows before a time", "none": "None yet"}
Reference = tuple[Literal["rows", "until"], str]


def draw_import() -> None:
    """Draw the way from a file to a log, as far as it has been gone."""
    folder, called = st.session_state.get("upload", ("", ""))
    upload = Upload(Path(folder))
    if not folder or (file := upload.file) is None:
        _ask_for_file()
        return
    try:
        found = settings_data.look(file)
    except ValueError as error:
        _say(str(error), file, called)
        _other_file(upload)
        return
    rows = f"{found.n_rows:,} rows" if found.n_rows is not None else "rows not counted, some values stand in quotes"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(called)}** · {rows} · {bytes_text(found.n_bytes)}", width="content")
        _other_file(upload)
    _draw_mapping(upload, file, called, found)


def _ask_for_file() -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        limit = st.get_option("server.maxUploadSize")
        st.markdown("**Import a file** · the log of a model's predictions, CSV with a line of column names, or Parquet")
        version = st.session_state.setdefault("n_uploads", 0)
        given = st.file_uploader(
            f"A file of at most {limit:,} MB",
            type=["csv", "parquet"],
            key=f"file {version}",
            help="STREAMLIT_SERVER_MAX_UPLOAD_SIZE sets the limit, in MB.",
        )
        if given is not None:
            _keep(given.getbuffer(), given.name)
        if fault := st.session_state.pop("upload_fault", None):
            st.error(plain(fault), icon=":material/error:")
    with right:
        st.caption(
            "You choose what each column is before a row is stored. Bad rows are listed with their number and reason "
            "while the good ones land. The file is removed from this server when its import has ended. "
            "A file that is larger, or lies on the server, is imported by the command line:"
        )
        st.code(_COMMAND, language="bash", wrap_lines=True)


def _keep(content: memoryview, client_name: str) -> None:
    """Store what came, and draw the page anew with a fresh upload widget, which lets go of the copy in memory."""
    settings = reads.settings()
    uploads.sweep(settings)
    try:
        upload = uploads.keep(settings, content, client_name)
        st.session_state["upload"] = (str(upload.folder), uploads.called(client_name))
    except ValueError as error:
        st.session_state["upload_fault"] = f"{str(error)[:1].upper()}{str(error)[1:]}"
    st.session_state["n_uploads"] += 1
    st.rerun()


def _other_file(upload: Upload) -> None:
    st.button("Take another file", icon=":material/undo:", key="other file", on_click=_forget, args=(upload,))


def _forget(upload: Upload) -> None:
    upload.discard()
    st.session_state.pop("upload", None)


def _say(problem: str, file: Path, called: str) -> None:
    """Show why a file cannot be imported, under the name that its owner knows."""
    said = problem.replace(file.name, called)
    st.error(plain(f"{said[:1].upper()}{said[1:]}"), icon=":material/error:")


def _draw_mapping(upload: Upload, file: Path, called: str, found: Look) -> None:
    log = reads.log()
    choice = ask_what_is_what(upload.folder.name, called, found)
    checked, problem = None, ""
    try:
        checked = settings_data.check(log, file, choice, called, settings_data.columns_of(log, choice.model))
    except ValueError as error:
        problem = str(error)
    left, right = st.columns(2, gap="small")
    with left:
        st.markdown("**What each column becomes**")
        table = becomes_table(found.sample, choice, checked.plan if checked else None, found.faults)
        st.dataframe(
            table,
            hide_index=True,
            height=_TABLE_HEIGHT,
            row_height=29,
            key="becomes",
            alt="What each column becomes",
            column_config={"becomes": st.column_config.TextColumn(width=135)},
        )
    with right:
        st.markdown(f"**The first rows** · as they stand in the file, {len(found.sample.columns)} columns")
        shown = preview_table(found.sample.head(_PREVIEW_ROWS))
        st.dataframe(shown, hide_index=True, height=_TABLE_HEIGHT, row_height=29, key="preview", alt="The first rows")
    if checked is not None:
        draw_trial(checked)
        draw_hints(checked)
        problem = problem_of(checked)
    if checked is None or problem:
        _say(problem, file, called)
        return
    _draw_start(upload, called, found, choice)


def _draw_start(upload: Upload, called: str, found: Look, choice: Choice) -> None:
    """Ask for the reference, and for consent where a model exists; offer to begin."""
    log, token = reads.log(), upload.folder.name
    exists = choice.model in log.models()
    consent = True
    with st.container(border=True, gap="small"):
        if not (exists and log.references(choice.model)):
            _ask_reference(token, found)
        if exists:
            facts = settings_data.facts(log, choice.model, log.revision(choice.model), reads.champion(choice.model))
            st.warning(plain(existing_text(facts)), icon=":material/merge:")
            consent = st.checkbox(f"Add the rows to model {plain(choice.model)}", key=f"{token} consent {choice.model}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Import",
                type="primary",
                icon=":material/upload:",
                key="import",
                disabled=not consent,
                on_click=_begin,
                args=(upload, called),
            )
            st.caption(
                "Runs in a process of its own: you may leave this page. Your name, above, goes into the audit list."
                if consent
                else "Tick the box to add rows to a model that exists, or give another name."
            )


def _ask_reference(token: str, found: Look) -> None:
    """Ask which rows later windows are compared with."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        how = st.segmented_control(
            "Reference: what later rows are compared with",
            list(_REFERENCES),
            default="rows",
            required=True,
            format_func=lambda name: _REFERENCES[name],
            key=f"{token} how",
            help="Usually the rows that the model was trained or accepted on. Another one can be frozen at any time.",
        )
        if how == "rows":
            third = (found.n_rows or 3 * len(found.sample)) // 3
            st.number_input("Rows", 1, None, min(max(third, 1), _MOST_REFERENCE), key=f"{token} n", width=160)
        if how == "until":
            st.datetime_input("Before (UTC)", None, key=f"{token} until", width=200, format="YYYY-MM-DD")


def _reference_now(token: str, model: str) -> Reference | None:
    """Return which rows the form makes the reference; a model that has one keeps it.

    Raises
    ------
    ValueError
        If a time is wanted and none is given.
    """
    log, state = reads.log(), st.session_state
    if model in log.models() and log.references(model):
        return None
    how = state.get(f"{token} how")
    if how == "rows":
        return ("rows", str(state[f"{token} n"])) if f"{token} n" in state else None
    if how != "until":
        return None
    asked = state.get(f"{token} until")
    if not isinstance(asked, datetime):
        raise ValueError("The time before which rows become the reference must be given; it is empty.")
    return "until", asked.replace(tzinfo=UTC).isoformat()


def _begin(upload: Upload, called: str) -> None:
    """Start the import in a process of its own.

    What counts is what stands in the form now: a name that was changed just before the button was pressed reaches the
    server with it, and the page around the button is the one before.
    """
    if not given("actor"):
        return
    log, token = reads.log(), upload.folder.name

    def begin() -> Answer:
        choice, file = choice_now(token), upload.file
        if file is None:
            return Answer(False, "The file is gone: it was imported or removed. Upload it again.")
        if choice.model in log.models() and not st.session_state.get(f"{token} consent {choice.model}"):
            return Answer(False, f"Model {choice.model} exists: say below whether to add the rows to it.")
        checked = settings_data.check(log, file, choice, called, settings_data.columns_of(log, choice.model))
        if problem := problem_of(checked):
            return Answer(False, problem)
        lists = {"ignore": choice.unread, "numeric": choice.numeric, "categorical": choice.categorical}
        written = {"classes": choice.classes, "decimal": choice.decimal, "thousands": choice.thousands}
        reference = _reference_now(token, choice.model)
        request = imports.request_of(checked.plan, by=field("actor"), reference=reference, written=written, **lists)
        if not imports.begin(reads.settings(), upload, request):
            return Answer(False, "The file is being imported already: see below.")
        st.session_state.pop("upload", None)
        return Answer(True, f"The import of {called} has begun.")

    act(begin)

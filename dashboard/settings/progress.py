"""Imports on the Settings page: how far each is, what was rejected, and the way to its board."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.acting.actions import act
from dashboard.background import imports
from dashboard.background.imports import Progress
from dashboard.background.uploads import Upload
from dashboard.reading import reads
from dashboard.settings.words import runs_table
from dashboard.shown.badges import plain, time_text
from storage.importing.rejected_file import read_rejected
from storage.jobs.decisions import Answer
from storage.upkeep.first_look import LOOKED_AT

_SHOWN = 200
_MOST_CONTENT = 6
_MOST_CARDS = 5
# An import that has ended is news for so long; older ones stand in the list of all imports.
_NEWS = timedelta(days=1)
_LOOKS = {
    "running": ("Importing", "sync", "blue"),
    "done": ("Imported", "check_circle", "green"),
    "failed": ("Nothing was imported", "error", "red"),
    "interrupted": ("Interrupted", "pause_circle", "orange"),
}


def draw_imports() -> None:
    """Draw the imports that are under way or have just ended; the page is drawn anew when one ends."""
    found = _current()
    if any(each.state == "running" for each in found):
        drawn = tuple((each.upload.folder.name, each.state) for each in found)
        st.fragment(_follow, run_every="1s", key="imports")(drawn)
        return
    for each in found:
        _draw(each)


def draw_history() -> None:
    """List the newest imports, those of the command line too."""
    runs = reads.imported()
    if not runs:
        return
    with st.expander("The newest imports, by upload and by command line", icon=":material/history:"):
        table = runs_table(runs)
        st.dataframe(table, hide_index=True, row_height=29, key="runs", alt="Imports, the newest first")


def _current() -> list[Progress]:
    every = imports.all_imports(reads.settings(), reads.log())
    now = datetime.now(UTC)
    new = [p for p in every if p.state in ("running", "interrupted") or now - _ended(p) < _NEWS]
    return new[:_MOST_CARDS]


def _ended(found: Progress) -> datetime:
    return found.run.updated_at if found.run else datetime.fromisoformat(found.request.asked_at)


def _follow(drawn: tuple[tuple[str, str], ...]) -> None:
    found = _current()
    if tuple((each.upload.folder.name, each.state) for each in found) != drawn:
        st.rerun(scope="app")
    for each in found:
        _draw(each)


def _draw(found: Progress) -> None:
    request, run, token = found.request, found.run, found.upload.folder.name
    word, icon, colour = _LOOKS[found.state]
    with st.container(border=True, gap="small", key=f"import {token}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(word, icon=f":material/{icon}:", color=colour)  # type: ignore[arg-type]  # Streamlit lists its colours, a dict of ours holds text
            who = f"by {plain(request.by)} at {time_text(datetime.fromisoformat(request.asked_at))}"
            st.markdown(f"**{plain(request.called)}** into model **{plain(request.model)}**, {who}", width="stretch")
        if found.state == "running":
            _draw_progress(found)
            st.caption("You may leave this page: the import goes on without it.")
        else:
            st.markdown(plain(_told(found)))
        if run is not None and run.n_rejected and found.state != "running":
            _draw_rejected(found.upload, run.n_rejected)
        if found.state != "running":
            _draw_next(found)


def _draw_progress(found: Progress) -> None:
    run = found.run
    if run is None:
        st.progress(0.0, text="Reading the file")
        return
    if run.state == "done":
        how_far = found.said if found.said.endswith(LOOKED_AT) else "the reference is frozen, then its evidence begins"
        st.progress(1.0, text=plain(f"All rows are in: {how_far}"))
        return
    rejected = f", {run.n_rejected:,} of them rejected" if run.n_rejected else ""
    if run.n_rows:
        share = min(run.n_done / run.n_rows, 1.0)
        st.progress(share, text=f"{run.n_done:,} of {run.n_rows:,} rows{rejected}")
    else:
        st.progress(0.0, text=f"{run.n_done:,} rows{rejected}; how many there are shows at the end")


def _told(found: Progress) -> str:
    """Say what became of an import that is at rest."""
    run = found.run
    if run is None:
        return f"It ended before a row was stored. {found.said}"
    rows = f"{found.n_accepted:,} rows are in the log, {run.n_rejected:,} rejected."
    if found.state == "failed":
        return f"All {run.n_rejected:,} rows were rejected; the model has none of them."
    if found.state == "done":
        return f"{rows} {_frozen(found.request.model, *found.request.reference)}" if found.request.reference else rows
    if found.lacks_reference:
        return f"{rows} Its process ended before the reference was frozen. {found.said}"
    return f"{rows} Its process ended at row {run.n_done:,}; nothing is lost, and going on stores no row twice."


def _frozen(model: str, how: str, much: str) -> str:
    """Say what the reference holds that came with the file: not more rows than there were."""
    frozen = next((reference for reference in reads.log().references(model) if reference.name == "training"), None)
    if frozen is None:
        return ""
    if how == "rows":
        return f"The reference 'training' holds the first {frozen.n:,} rows."
    return f"The reference 'training' holds the {frozen.n:,} rows before {time_text(datetime.fromisoformat(much))}."


def _draw_rejected(upload: Upload, n_rejected: int) -> None:
    if not upload.rejected.is_file():
        st.caption(f"Of {n_rejected:,} rejected rows the reasons are not listed here.")
        return
    rows = read_rejected(upload.rejected)
    with st.expander(f"{n_rejected:,} rejected rows", icon=":material/rule:", expanded=True):
        frame = pd.DataFrame({"row": [row.row + 1 for row in rows], "reason": [row.error for row in rows]})
        config = {"row": st.column_config.NumberColumn("Row", width=80, help="Counted from 1 below the header")}
        st.dataframe(
            frame.head(_SHOWN),
            hide_index=True,
            row_height=29,
            height="content" if len(frame) <= _MOST_CONTENT else 29 * _MOST_CONTENT + 38,
            key=f"rejected {upload.folder.name}",
            alt="Rejected rows with their reasons",
            column_config={**config, "reason": st.column_config.TextColumn("Reason", width=900)},
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.download_button(
                "Download the list",
                upload.rejected.read_bytes,
                file_name="rejected.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key=f"download {upload.folder.name}",
            )
            st.caption(_about_list(len(rows), n_rejected))


def _about_list(n_listed: int, n_rejected: int) -> str:
    """Say what of the rejected rows is not shown, or not even known."""
    shown = f"The first {_SHOWN} are shown." if n_listed > _SHOWN else ""
    lost = n_rejected - n_listed
    return f"{shown} Of {lost:,} more the reasons were lost when the process ended." if lost > 0 else shown


def _draw_next(found: Progress) -> None:
    """Offer what comes next: the board, to go on, or to be done with it."""
    upload, model, token = found.upload, found.request.model, found.upload.folder.name
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found.n_accepted:
            st.page_link(
                "views/overview.py",
                label=f"Open the board of {plain(model)}",
                icon=":material/monitoring:",
                query_params={"model": model},
            )
        if found.state == "interrupted":
            st.button(
                "Go on",
                type="primary",
                icon=":material/play_arrow:",
                key=f"go on {token}",
                on_click=_go_on,
                args=(upload,),
            )
        word = "Give up and remove the file" if found.state == "interrupted" else "Remove from this list"
        st.button(word, icon=":material/close:", key=f"discard {token}", on_click=upload.discard)


def _go_on(upload: Upload) -> None:
    def go_on() -> Answer:
        if imports.go_on(reads.settings(), reads.log(), upload):
            return Answer(True, "The import goes on.")
        return Answer(False, "It has ended, or goes on already.")

    act(go_on)

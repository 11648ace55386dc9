"""Models and references on the Settings page, and the form that freezes a new reference."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.acting.actions import act, field, given
from dashboard.acting.who import complain
from dashboard.reading import reads
from dashboard.settings import data as settings_data
from dashboard.settings.data import ModelFacts
from dashboard.settings.words import bytes_text, columns_table, models_table, references_table
from dashboard.shown.badges import plain, time_text
from storage.database.description import describe_database
from storage.jobs.decisions import Answer

_HOW = {"newest": "The newest rows", "span": "A span of time"}
_PRESET_ROWS = 5_000


def draw_models(chosen: str) -> None:
    """List every model, then the columns and references of the one that is chosen above the page."""
    log = reads.log()
    found = {
        model: settings_data.facts(log, model, reads.revision(model), reads.champion(model)) for model in reads.models()
    }
    size = describe_database(log)
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**Models** · the {size.kind} database holds {bytes_text(size.n_bytes)}, all models together")
        st.dataframe(
            models_table(list(found.values())),
            hide_index=True,
            row_height=29,
            key="models",
            alt="Models with their rows, columns and references",
            column_config={
                "rows": st.column_config.NumberColumn(format="localized"),
                "labelled": st.column_config.TextColumn(help=f"Of the newest {settings_data.LABELS_OF:,} rows at most"),
            },
        )
    left, right = st.columns([2, 3], gap="small")
    with left.container(border=True, gap="xsmall"):
        st.markdown(f"**Columns of {plain(chosen)}** · kind, spelling and words for missing stay as they began")
        table = columns_table(found[chosen])
        st.dataframe(table, hide_index=True, row_height=29, key="columns", alt=f"Columns of {chosen}")
    with right:
        with st.container(border=True, gap="xsmall"):
            _draw_references(found[chosen])
        with st.container(border=True, gap="small"):
            _draw_freeze(found[chosen])


def _draw_references(found: ModelFacts) -> None:
    st.markdown(f"**References of {plain(found.model)}** · boards compare with the default unless told another")
    if not found.references:
        st.caption("None yet: windows are compared with the one before them, which shows only sudden changes.")
        return
    config = {"rows": st.column_config.NumberColumn(format="localized")}
    table = references_table(found)
    st.dataframe(table, hide_index=True, row_height=29, key="references", alt="References", column_config=config)


def _draw_freeze(found: ModelFacts) -> None:
    st.markdown("**Freeze a new reference**")
    default = f"{found.default} stays the default" if found.default else "it becomes the default"
    st.caption(
        f"A copy of rows that stays as it is. Compared with by choosing it above the page, it begins evidence anew "
        f"with the rows after its last one; alarms against other references stay with those, and {plain(default)}."
    )
    how = st.segmented_control(
        "Rows", list(_HOW), default="newest", required=True, format_func=lambda name: _HOW[name], key="freeze_how"
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("Name", key="reference_name", max_chars=64, placeholder="for example: spring", width=220)
        if how == "span":
            for key, label, preset in (("from", "From (UTC)", found.first_at), ("to", "Before (UTC)", found.last_at)):
                naive = preset.replace(second=0, microsecond=0, tzinfo=None) if preset else None
                st.datetime_input(label, naive, key=f"freeze_{key} {found.model}", width=190, format="YYYY-MM-DD")
        else:
            most = max(found.n_rows, 1)
            n = min(_PRESET_ROWS, most)
            st.number_input("Newest rows", 1, most, n, key=f"freeze_n {found.model}", width=190)
        st.button("Freeze", icon=":material/ac_unit:", key="freeze", on_click=_freeze, args=(found.model, how))
    complain("reference_name")


def _freeze(model: str, how: str) -> None:
    """Freeze the rows that the form names."""
    if not given("actor", "reference_name"):
        return
    name, by = field("reference_name"), field("actor")

    def freeze() -> Answer:
        if how == "span":
            start, end = (_utc(st.session_state[f"freeze_{key} {model}"]) for key in ("from", "to"))
            frozen = reads.log().freeze_reference(model, name, start, end, by=by)
        else:
            newest = int(st.session_state[f"freeze_n {model}"])
            frozen = reads.log().freeze_reference(model, name, newest=newest, by=by)
        span = f"{time_text(frozen.start)} to {time_text(frozen.end)}"
        return Answer(True, f"Reference {name} is frozen: {frozen.n:,} rows, {span}.")

    act(freeze, "reference_name")


def _utc(chosen: datetime | None) -> datetime | None:
    return chosen.replace(tzinfo=UTC) if chosen else None

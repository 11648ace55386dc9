"""What starts retrains by itself: schedules, triggers on drift, and the continuous retrain on new labels."""

from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

import streamlit as st

from dashboard.acting.actions import act, field, given
from dashboard.acting.who import complain
from dashboard.shown.badges import plain, time_text
from retrain.triggers import looks as triggers
from retrain.triggers import schedules
from retrain.triggers.looks import TriggerSettings
from storage import PredictionLog
from storage.jobs import firings
from storage.jobs.decisions import Answer
from storage.jobs.firings import Mode
from storage.jobs.schedules import Schedule, read_schedules
from storage.jobs.triggers import Kind, TriggerRule, read_triggers

_USUAL = TriggerSettings()
_KINDS: Mapping[Kind, str] = {"drift": "the advice is to retrain", "labels": "new labels came (continuous)"}
_MODES: Mapping[Mode, str] = {"propose": "propose it to a person", "start": "start it"}
_ZONES = ("UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Asia/Tokyo")


def draw_strategies(log: PredictionLog, model: str, n_workers: int) -> None:
    """Draw what starts retrains of a model by itself, and the forms that add more."""
    planned, watching = read_schedules(log, model), read_triggers(log, model)
    if not planned and not watching:
        st.caption("Nothing starts a retrain by itself. Whatever does goes through the same checks and approval.")
    elif not n_workers:
        st.markdown(":orange[:material/warning: No worker is alive: nothing is looked at until one is.]")
    for schedule in planned:
        when = f"`{schedule.cron}` {plain(schedule.time_zone)}: {plain(schedule.reason)}"
        _draw_one(log, "schedule", schedule, f":material/calendar_clock: **Schedule {schedule.id}** {when}")
    for trigger in watching:
        _draw_one(log, "trigger", trigger, f":material/bolt: **Trigger {trigger.id}** {_in_words(trigger)}")
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="small", key="add_schedule_card"):
        _draw_schedule_form(log, model)
    with right.container(border=True, gap="small", key="add_trigger_card"):
        _draw_trigger_form(log, model)


def _in_words(trigger: TriggerRule) -> str:
    """Say what a trigger waits for, and what it does then."""
    kept = TriggerSettings.from_mapping(trigger.settings)
    looks = f"looks every {kept.every_minutes:g} min, rests {kept.pause_hours:g} h after it fired"
    if trigger.kind == "labels":
        return f"{_MODES[trigger.mode]} after every {kept.n_labels:,} new labelled rows; {looks}"
    advised = " or ".join(kept.actions)
    rows = f"at {kept.window_rows:,} new rows each"
    return f"{_MODES[trigger.mode]} once {kept.checks} looks in a row {rows} advise {advised}; {looks}"


def _draw_one(
    log: PredictionLog, what: Literal["schedule", "trigger"], one: Schedule | TriggerRule, title: str
) -> None:
    next_at = one.next_at.astimezone(ZoneInfo(one.time_zone)) if isinstance(one, Schedule) else one.next_at
    verb = "next job" if what == "schedule" else "next look"
    state = f"{verb} {time_text(next_at)}" if one.enabled else "switched off"
    said = f" · last: {plain(one.last_result)}" if one.last_result else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", border=True):
        with st.container(gap="xxsmall"):
            st.markdown(title)
            st.caption(f"{state}{said} · added by {plain(one.created_by)} {time_text(one.created_at)}")
        st.button(
            "Switch off" if one.enabled else "Switch on",
            icon=":material/pause:" if one.enabled else ":material/play_arrow:",
            key=f"switch_{what}_{one.id}",
            on_click=_switch,
            args=(log, what, one.id, not one.enabled),
        )
        st.button(
            "Remove",
            icon=":material/delete:",
            key=f"remove_{what}_{one.id}",
            on_click=_remove,
            args=(log, what, one.id),
        )


def _draw_schedule_form(log: PredictionLog, model: str) -> None:
    st.markdown("**Add a schedule**")
    with st.form("schedule_form", border=False, enter_to_submit=False):
        with st.container(horizontal=True, gap="small"):
            st.text_input(
                "When",
                "0 3 * * 1",
                key="cron",
                max_chars=80,
                help="minute hour day month weekday, as in cron: `0 3 * * 1` is Mondays at 03:00; also @daily, @weekly",
            )
            st.selectbox("Time zone", _ZONES, key="time_zone", accept_new_options=True)
        st.text_input("Reason", key="schedule_reason", max_chars=500, placeholder="for example: weekly refresh")
        complain("schedule_reason")
        st.form_submit_button(
            "Add schedule", icon=":material/add:", key="add_schedule", on_click=_add_schedule, args=(log, model)
        )
        st.caption("Times that are missed while no worker lives collapse into one job.")


def _draw_trigger_form(log: PredictionLog, model: str) -> None:
    st.markdown("**Add a trigger**")
    with st.form("trigger_form", border=False, enter_to_submit=False):
        with st.container(horizontal=True, gap="small"):
            st.selectbox("When", list(_KINDS), key="trigger_kind", format_func=lambda kind: _KINDS[kind])
            st.selectbox("Then", list(_MODES), key="trigger_mode", format_func=lambda mode: _MODES[mode])
        with st.container(horizontal=True, gap="small"):
            st.number_input("Looks in a row", 1, 100, _USUAL.checks, key="trigger_checks", help="for drift")
            st.number_input("Newest rows", 50, 10**6, _USUAL.window_rows, 500, key="trigger_rows", help="for drift")
            st.number_input("New labels", 1, 10**7, _USUAL.n_labels, 500, key="trigger_labels", help="for new labels")
            st.number_input("Pause, hours", 0.0, 8760.0, _USUAL.pause_hours, key="trigger_pause")
        st.form_submit_button(
            "Add trigger", icon=":material/add:", key="add_trigger", on_click=_add_trigger, args=(log, model)
        )
        st.caption("A drift without labels is proposed, never started: only labels show that a model got worse.")


def _add_schedule(log: PredictionLog, model: str) -> None:
    if not given("actor", "schedule_reason"):
        return

    def add() -> Answer:
        zone, reason = field("time_zone"), field("schedule_reason")
        added = schedules.add(log, model, field("cron"), time_zone=zone, reason=reason, by=field("actor"))
        return Answer(True, f"schedule {added.number} is added")

    act(add, "schedule_reason")


def _add_trigger(log: PredictionLog, model: str) -> None:
    if not given("actor"):
        return
    state: Any = st.session_state

    def add() -> Answer:
        settings = TriggerSettings(
            checks=state["trigger_checks"],
            window_rows=state["trigger_rows"],
            n_labels=state["trigger_labels"],
            pause_hours=state["trigger_pause"],
        )
        kind, mode = state["trigger_kind"], state["trigger_mode"]
        number = triggers.add(log, model, kind, mode, by=field("actor"), settings=settings)
        return Answer(True, f"trigger {number} is added")

    act(add)


def _switch(log: PredictionLog, what: Literal["schedule", "trigger"], number: int, on: bool) -> None:
    if not given("actor"):
        return

    def switch() -> Answer:
        if what == "schedule" and on:
            schedules.enable(log, number, field("actor"))
        else:
            firings.enable(log, what, number, field("actor"), on=on)
        return Answer(True, f"{what} {number} is switched {'on' if on else 'off'}")

    act(switch)


def _remove(log: PredictionLog, what: Literal["schedule", "trigger"], number: int) -> None:
    if not given("actor"):
        return

    def remove() -> Answer:
        firings.remove(log, what, number, field("actor"))
        return Answer(True, f"{what} {number} is removed")

    act(remove)

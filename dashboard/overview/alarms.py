"""The alarms that sound on a board, and what a person answers them; every answer is audited."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from dashboard.acting.actions import act, field, given
from dashboard.acting.who import ask_name, complain, draw_answer
from dashboard.reading import reads
from dashboard.reading.scope import Scope
from dashboard.shown.badges import plain, time_text
from drift.board.result import Board
from drift.life.ledger import AcknowledgementKind, AlarmRecord
from drift.monitor.labels import acknowledge
from drift.monitor.watch import snooze
from drift.wording import rarity
from storage.database.engine import DatabaseFault
from storage.jobs.decisions import Answer
from storage.jobs.workers import DatabaseAway

_SNOOZES = {"4 hours": timedelta(hours=4), "1 day": timedelta(days=1), "1 week": timedelta(days=7)}
# The column table tells of every alarm; the popover reminds of the first ones.
_TOLD = 4


def sounding(board: Board) -> list[AlarmRecord]:
    """Return the alarms that nobody has answered by the end of the board's window, the first one first.

    A board holds those that had sounded by then; the label behind one may have come long after the window's last row.
    """
    end = board.window.end
    if end is None:
        return []
    open_ones = (record for record in board.alarms if record.acknowledged is None or record.sounds_in(end))
    return sorted(open_ones, key=lambda record: record.mark.at)


def answer_alarms(scope: Scope, board: Board) -> None:
    """Offer to answer the alarms that still sound; an alarm that was answered later is history."""
    alarms = [record for record in sounding(board) if record.acknowledged is None]
    draw_answer()
    if not alarms or board.rule != "life":  # compared with the window before, no reference is chosen
        return
    told = {record.stream: record for record in alarms}
    with st.popover(f"Answer {len(alarms)} alarm{'s' if len(alarms) > 1 else ''}", icon=":material/notifications:"):
        chosen = st.multiselect("Alarms", list(told), list(told), key="alarms", format_func=str)
        st.caption("  \n".join(plain(_said(told[stream])) for stream in chosen[:_TOLD]))
        ask_name()
        st.text_input("Note", key="alarm_note", max_chars=300, placeholder="what is known, what was done")
        complain("alarm_note")
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            for kind, word, icon in (("acknowledged", "Acknowledge", "check"), ("false alarm", "False alarm", "block")):
                st.button(
                    word,
                    icon=f":material/{icon}:",
                    disabled=not chosen,
                    key=f"answer {kind}",
                    on_click=_acknowledge,
                    args=(scope, chosen, kind),
                    help="The scores restart. Where the drift goes on, the alarm sounds again: "
                    "only a new reference makes it the new normal.",
                )
            st.selectbox("Snooze for", list(_SNOOZES), key="snooze_for", label_visibility="collapsed", width=110)
            st.button(
                "Snooze",
                icon=":material/snooze:",
                disabled=not chosen,
                key="answer snooze",
                on_click=_snooze,
                args=(scope, chosen, board.window.end),
                help="Amber at most in windows that end by then; the evidence goes on.",
            )


def _said(record: AlarmRecord) -> str:
    """Say what an alarm rests on."""
    sounded = f"{record.stream}: since {time_text(record.mark.at)}, {record.alarm.bet}; {rarity(record.alarm)}"
    quiet = record.snoozed
    return f"{sounded}; snoozed until {time_text(quiet.until)} by {quiet.by}" if quiet else sounded


def _acknowledge(scope: Scope, streams: list[str], kind: AcknowledgementKind) -> None:
    """Answer alarms: what is known is asked for, since the scores start again from nothing."""
    if not given("actor", "alarm_note"):
        return
    by, note = field("actor"), field("alarm_note")
    one = partial(acknowledge, reads.log(), scope.model, str(scope.reference), by=by, note=note, kind=kind)

    act(lambda: _each(streams, one, f"Answered ({kind})", "; the scores have restarted"), "alarm_note")


def _snooze(scope: Scope, streams: list[str], end: datetime) -> None:
    """Silence alarms for a while, by the time of the rows: a log of the past must not stay amber for years."""
    if not given("actor"):
        return
    until = min(datetime.now(UTC), end) + _SNOOZES[str(st.session_state["snooze_for"])]

    by, note = field("actor"), field("alarm_note")
    one = partial(snooze, reads.log(), scope.model, str(scope.reference), until=until, by=by, note=note)
    act(lambda: _each(streams, one, f"Snoozed until {time_text(until)}"), "alarm_note")


def _each(streams: list[str], one: Callable[[str], AlarmRecord], done: str, so: str = "") -> Answer:
    """Answer alarms one by one; each answer is committed by itself, so that one that fails takes back no other."""
    answered, failed = [], []
    for stream in streams:
        try:
            one(stream)
            answered.append(stream)
        except (ValueError, DatabaseFault, *DatabaseAway) as error:
            why = str(error) if isinstance(error, ValueError) else "the database does not answer"
            failed.append(f"{stream}: {why}")
    if not answered:
        return Answer(False, " ".join(failed))
    more = f". Not answered: {' '.join(failed)}" if failed else ""
    return Answer(True, f"{done}: {_named(answered)}{so}{more}")


def _named(streams: list[str]) -> str:
    more = f" and {len(streams) - 3} more" if len(streams) > 3 else ""
    return f"{', '.join(streams[:3])}{more}"

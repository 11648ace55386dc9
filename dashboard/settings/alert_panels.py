"""The alerts that reach people who do not look at the board: whether they arrive, and which were sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from dashboard.acting.actions import NEEDED, field, given
from dashboard.reading import reads
from dashboard.shown.badges import plain, time_text
from retrain.alerts import lookout
from storage import PredictionLog
from storage.alerts import messages
from storage.alerts.messages import Alert, Delivery
from storage.database.settings import Settings

_SHOWN = 50
_ANSWER = "alerts_answer"
_MARKS = {"pending": "▲ pending", "sent": "● sent", "given up": "✕ given up"}
_COLOURS = {"pending": "#8A5A00", "sent": "#00695C", "given up": "#B4232F"}


@st.fragment(run_every="20s")
def draw_trouble() -> None:
    """Say in a quiet line that alerts cannot be delivered; draw nothing where they can, or none are wanted."""
    if said := trouble(reads.settings(), messages.read_delivery(reads.log()), datetime.now(UTC)):
        st.markdown(f":orange[:material/notifications_off: {plain(said)}]")


def trouble(settings: Settings, found: Delivery, at: datetime) -> str | None:
    """Say why nobody would be told of an alarm; None if people would."""
    if found.failing_since is not None:
        return f"Alerts have not been delivered since {_clock(found.failing_since, at)}: {found.why}."
    if not settings.alert_url or found.is_watched:
        return None
    seen = f" since {_clock(found.watched_at, at)}" if found.watched_at else ""
    return f"No worker has looked for alerts{seen}, so nobody would be told of an alarm."


def draw_alerts(log: PredictionLog, settings: Settings, model: str) -> None:
    """Draw the state of the channel, a button that tries it, and the last alerts of all models.

    The page asks for the name of who acts (`acting_who.ask_name`).
    """
    found = messages.read_delivery(log)
    st.markdown(_state(settings, found))
    # Below the sentence and not at its right: there the tools of the list would cover the button.
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Send a test",
            icon=":material/send:",
            key="test_alerts",
            disabled=not settings.alert_url,
            on_click=_test,
            args=(log, settings, model),
        )
        _draw_answer()
    st.caption(_counts(settings, found))
    _draw_list(messages.read_alerts(log, limit=_SHOWN))


def _draw_answer() -> None:
    """Say, once, what the channel answered."""
    delivered, said = st.session_state.pop(_ANSWER, (True, ""))
    colour, icon = ("green", "check") if delivered else ("orange", "warning")
    if said:
        st.markdown(f":{colour}[:material/{icon}: {plain(said)}]")


def _state(settings: Settings, found: Delivery) -> str:
    """Say whether people are told; the address is a secret and never shown."""
    said = trouble(settings, found, datetime.now(UTC))
    if not settings.alert_url and found.is_watched and not said:
        return ":green[:material/notifications_active:] **A worker sends alerts; the board does not know its channel.**"
    if not settings.alert_url and not said:
        return (
            ":gray[:material/notifications_off:] **No alerts are sent.** Set `DRIFT_ALERT_URL` to the webhook of a "
            "channel, and every alarm reaches the people in it."
        )
    if said:
        return f":orange[:material/warning:] **{plain(said)}**"
    return ":green[:material/notifications_active:] **Alerts are sent to the channel that is set.**"


def _counts(settings: Settings, found: Delivery) -> str:
    told = f"{found.n_sent:,} sent, {found.n_pending:,} pending, {found.n_given_up:,} given up"
    return f"{told} · links open the board at {plain(settings.board_url)} · tests stand in the audit list"


def _draw_list(told: Sequence[Alert]) -> None:
    if not told:
        st.caption(
            "Nothing was told yet. An alarm that begins to sound is told once, and so are a job that waits for a "
            "decision or has ended badly, and a check that fails."
        )
        return
    rows = [
        {
            "Written, UTC": f"{one.created_at:%Y-%m-%d %H:%M}",
            "State": [_MARKS[one.state]],
            "Sent, UTC": f"{one.sent_at:%Y-%m-%d %H:%M}" if one.sent_at else "",
            "Tries": one.attempts,
            "Message": one.body["text"],
            "Last error": _error(one),
        }
        for one in told
    ]
    config = {
        "Written, UTC": st.column_config.TextColumn(width=125),
        "State": st.column_config.MultiselectColumn(
            options=list(_MARKS.values()), color=[_COLOURS[state] for state in _MARKS], width=105
        ),
        "Sent, UTC": st.column_config.TextColumn(width=125),
        "Tries": st.column_config.NumberColumn(width=50),
        "Message": st.column_config.TextColumn(width=620),
        "Last error": st.column_config.TextColumn(width=330),
    }
    frame = pd.DataFrame(rows)
    st.dataframe(frame, hide_index=True, row_height=29, key="alerts", alt="Alerts, newest first", column_config=config)


def _error(one: Alert) -> str:
    if one.state != "pending" or not one.last_error:
        return one.last_error or ""
    return f"{one.last_error}; next try {one.next_at:%H:%M} UTC"


def _clock(at: datetime, now: datetime) -> str:
    """Print an instant of today without its day."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else time_text(at)


def _test(log: PredictionLog, settings: Settings, model: str) -> None:
    """Try the channel; what came of it stands beside the button, for the top of the page may be out of sight."""
    try:
        if not given("actor"):
            raise ValueError(NEEDED["actor"].rstrip("."))
        answer = lookout.try_channel(settings, log, field("actor"), model)
    except ValueError as error:
        st.session_state[_ANSWER] = (False, f"{error}.")
    else:
        st.session_state[_ANSWER] = (answer.delivered, f"{answer.said[0].upper()}{answer.said[1:]}.")

"""What the board says of alerts: nothing where they arrive, a line where they cannot, and the panel with its button."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.settings.alert_panels import trouble
from retrain.alerts.lookout import Lookout
from storage.alerts import messages
from storage.alerts.messages import Delivery
from storage.database.audit import read_audit
from storage.database.settings import Settings
from storage.jobs import queue
from tests.dashboard.conftest import HOSTILE
from tests.dashboard.test_jobs_page import MODEL, loans, text_of  # noqa: F401  a fixture, asked for by name
from tests.dashboard.test_settings_page import settings_page as page
from tests.retrain.alerts.test_lookout import end_job
from tests.retrain.fake_channel import SECRET, Reply

AT = datetime(2026, 11, 25, 15, 10, tzinfo=UTC)
FINE = Delivery(3, 2, 0, None, None, AT, True)
SET = Settings(alert_url="https://hooks.example/x")


@pytest.mark.parametrize(
    ("given", "found", "said"),
    [
        (SET, FINE, None),
        (Settings(), replace(FINE, is_watched=False), None),
        (
            SET,
            replace(FINE, failing_since=AT - timedelta(hours=1), why="the channel answered 404"),
            "Alerts have not been delivered since 14:10 UTC: the channel answered 404.",
        ),
        (
            SET,
            replace(FINE, failing_since=AT - timedelta(days=1), why="the channel answered 404"),
            "Alerts have not been delivered since 2026-11-24 15:10 UTC: the channel answered 404.",
        ),
        (
            SET,
            replace(FINE, is_watched=False),
            "No worker has looked for alerts since 15:10 UTC, so nobody would be told of an alarm.",
        ),
        (
            SET,
            replace(FINE, is_watched=False, watched_at=None),
            "No worker has looked for alerts, so nobody would be told of an alarm.",
        ),
    ],
)
def test_a_line_says_why_nobody_would_be_told(given, found, said):
    assert trouble(given, found, AT) == said


def refused_alert(log, hook, note="no good"):
    """Let the channel refuse the message on a job that failed."""
    hook.usual = Reply(404)
    queue.start(log, MODEL, "why", "ana")
    end_job(log, "failed", note)
    Lookout(log, Settings(alert_url=hook.url)).run_pass()
    messages.show_watching(log)


def test_the_panel_shows_what_was_told_and_why_it_did_not_arrive(loans, hook):  # noqa: F811  the fixture, asked for by name
    refused_alert(loans, hook, HOSTILE)
    app = page()
    assert "Alerts have not been delivered since" in text_of(app)
    assert "0 sent, 1 pending, 0 given up" in text_of(app)
    (row,) = app.dataframe[-1].value.to_dict("records")
    assert (row["State"], row["Tries"]) == (["▲ pending"], 1)
    assert row["Last error"].startswith("the channel answered 404: DRIFT_ALERT_URL is wrong, or was revoked (ok); next")
    assert "http://192.0.2.1" not in row["Message"]
    assert SECRET not in text_of(app) + str(row)


def press(app: AppTest, by: str) -> str:
    app.text_input(key="actor").set_value(by)
    return text_of(app.button(key="test_alerts").click().run())


def test_the_channel_is_tried_by_somebody_and_the_audit_list_says_so(loans, hook):  # noqa: F811  the fixture, asked for by name
    messages.show_watching(loans)
    app = page()
    assert "Alerts are sent to the channel that is set" in text_of(app)
    assert "Your name must be given" in press(app, "")
    assert hook.messages == []
    assert "The channel answered 200\\." in press(app, "ana")
    assert [message["kind"] for message in hook.messages] == ["test"]
    hook.usual = Reply(500)
    assert "The channel answered 500 Internal Server Error" in press(app, "ana")
    tried = [entry for entry in read_audit(loans) if entry.action == "test alerts"]
    assert [entry.actor for entry in tried] == ["ana", "ana"]
    assert SECRET not in text_of(app)


def test_without_a_channel_the_panel_says_how_to_set_one(loans):  # noqa: F811  the fixture, asked for by name
    app = page()
    assert "No alerts are sent" in text_of(app)
    assert app.button(key="test_alerts").disabled
    messages.show_watching(loans)
    assert "A worker sends alerts; the board does not know its channel" in text_of(page())


def test_the_overview_is_silent_where_alerts_arrive(board, reviews, hook):
    messages.show_watching(reviews)
    assert "Alerts" not in text_of(board.run())
    assert not board.exception


def test_the_overview_says_in_a_line_that_alerts_do_not_arrive(board, reviews, hook):
    hook.usual = Reply(404)
    Lookout(reviews, Settings(alert_url=hook.url)).run_pass()
    assert len(hook.messages) == 1
    said = text_of(board.run()).replace("\\", "")
    assert "Alerts have not been delivered since" in said
    assert "the channel answered 404" in said
    assert not board.exception

"""A person answers the alarms on the Overview; nothing is muted without a name and, for good, a note."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.overview.alarms import sounding as offered
from drift.board.result import Board
from drift.data.windows import LastRows, WindowExtent
from drift.life.evidence import Alarm
from drift.life.ledger import AlarmRecord, Mark
from drift.monitor.boards import check
from drift.monitor.labels import acknowledge
from storage.database import audit
from tests.dashboard.test_pages import said

WINDOW = "500"


@pytest.fixture
def overview(board):
    board.query_params["window"] = WINDOW
    return board.run()


def sounding(log):
    found = check(log, "reviews", LastRows(500))
    return {record.stream for record in found.alarms if record.acknowledged is None}


def press(page, kind, **fields):
    for key, value in fields.items():
        page.text_input(key=key).set_value(value)
    return page.button(key=f"answer {kind}").click().run()


def test_the_overview_says_on_which_rule_its_badges_rest(overview):
    words = said(overview)
    assert "alarm for life \\(5%" in words or "alarm for life (5%" in words
    assert "healthy replay of the reference" in words


def test_an_alarm_is_acknowledged_with_name_and_note_and_stays_history(overview, reviews):
    assert {"length", "channel"} <= sounding(reviews)
    press(overview, "acknowledged", actor="ana", alarm_note="new supplier")
    assert "Answered" in " ".join(box.value for box in overview.success)
    assert not {"length", "channel"} & sounding(reviews)
    answered = [record.acknowledged for record in check(reviews, "reviews", LastRows(500)).alarms]
    assert {(answer.by, answer.note) for answer in answered if answer} == {("ana", "new supplier")}
    assert any(entry.actor == "ana" for entry in audit.read_audit(reviews, "reviews", limit=50))


def test_without_a_name_or_a_note_nothing_is_answered(overview, reviews):
    before = sounding(reviews)
    press(overview, "acknowledged", actor="ana")
    assert sounding(reviews) == before
    assert "note must be given" in " ".join(box.value for box in overview.error) + said(overview)


def test_a_snoozed_alarm_goes_on_sounding_but_is_not_red(overview, reviews):
    press(overview, "snooze", actor="ana")
    found = check(reviews, "reviews", LastRows(500))
    assert {"length", "channel"} <= sounding(reviews)
    assert found.verdict == "warning"


def test_an_alarm_that_was_answered_elsewhere_is_answered_with_a_sentence(overview, reviews):
    for stream in sounding(reviews):
        acknowledge(reviews, "reviews", "training", stream, by="ben", note="known", kind="acknowledged")
    press(overview, "acknowledged", actor="ana", alarm_note="late")
    assert overview.warning, "the page must say that the alarm is no longer open"


def test_an_alarm_whose_label_came_after_the_last_row_can_be_answered():
    end = datetime(2026, 9, 1, tzinfo=UTC)
    record = AlarmRecord("accuracy", Alarm(100, 0, "window", "wrong", 1.0, 1e-9), Mark(1, 1, end + timedelta(1)), end)
    board = Board(
        model="m", n=100, window=WindowExtent(100, end - timedelta(1), end),
        reference="r", columns=(), rule="life", alarms=(record,),
    )  # fmt: skip
    assert offered(board) == [record]


def test_of_two_alarms_the_one_that_is_answered_counts_though_the_other_was_answered_elsewhere(overview, reviews):
    assert {"length", "channel"} <= sounding(reviews)
    acknowledge(reviews, "reviews", "training", "channel", by="ben", note="known", kind="acknowledged")
    press(overview, "acknowledged", actor="ana", alarm_note="late")
    words = " ".join(box.value for box in overview.success).replace("\\", "")
    assert "Answered (acknowledged): " in words
    assert "Not answered: channel: column must have an alarm that nobody has acknowledged" in words
    assert "length" not in sounding(reviews)

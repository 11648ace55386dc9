"""What is told, in which words, and with a link that opens the view."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from urllib.parse import parse_qs, urlsplit

import pytest

from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.data.windows import WindowExtent
from drift.life.evidence import Alarm
from drift.life.latch import Standing
from drift.life.ledger import Acknowledgement, AlarmRecord, Mark, Snooze
from drift.performance.agreement import Agreement
from drift.performance.report import Concept, PerformanceReport
from retrain.alerts import payload
from storage.jobs.job_rows import Job, Step

AT = datetime(2026, 11, 22, 14, tzinfo=UTC)
BOARD_URL = "https://drift.example.com/monitor"
BEFORE, FELL, SAME = (Agreement(n_right, 10_000, 10_000) for n_right in (9_500, 8_800, 9_490))


def record(stream, hours=0, **more):
    sounded = Alarm(200, 100, "window", "larger values", 50.0, 1e-9)
    return AlarmRecord(
        stream, sounded, Mark(9, 9, AT + timedelta(hours=hours + 1)), AT + timedelta(hours=hours), **more
    )


def board(*alarms, names=("income", "age", "region", "score"), effect=0.3, now=FELL):
    verdict = "drift" if effect >= 0.1 else "warning"
    found = {"test": "ks", "effect_size": effect, "value_verdict": verdict, "verdict": verdict}
    columns = tuple(
        ColumnReport(column=name, kind="numeric", role="feature", standing=Standing(alarm=alarm), **found)
        for name, alarm in zip_longest(names, [record for record in alarms if record.stream in names][: len(names)])
    )
    return Board(
        model="loans", n=1000, reference="training", columns=columns,
        window=WindowExtent(1000, AT - timedelta(days=2), AT + timedelta(days=1)), rule="life", alarms=alarms,
        performance=PerformanceReport(
            now=now, reference=BEFORE, concept=Concept("drift", "Accuracy fell since Monday.") if now is FELL else None
        ),
    )  # fmt: skip


def answered(by="ana"):
    return Acknowledgement(AT, by, "acknowledged", "known", Mark(9, 9, AT))


def job(state, **more):
    fields = dict.fromkeys(Job.__dataclass_fields__)
    fields |= {"id": 7, "model": "loans", "state": state, "reason": "incomes moved", "requested_by": "ana", "fence": 3}
    fields |= {
        "created_at": AT,
        "updated_at": AT,
        "not_before": AT,
        "dry_run": False,
        "progress": 0.0,
        "trigger": "manual",
    }
    return Job(**(fields | more))


def step(name, state):
    fields = dict.fromkeys(Step.__dataclass_fields__)
    return Step(**(fields | {"job_id": 7, "name": name, "state": state}))


def test_alarms_are_named_in_order_of_onset_with_what_to_do_and_the_link():
    shown = board(record("score", 5), record("income", -3), record("accuracy", 1))
    found = list(payload.sounding(shown).values())
    body = payload.alarm_body(shown, found, 0, BOARD_URL)
    assert body["text"].startswith(
        "Drift alarm on loans: income, since about 2026-11-22 11:00 UTC; then the accuracy of the predictions and "
        f"score. {shown.sentence} Retrain. Accuracy fell from 95.0% (n = 10,000) to 88.0% (n = 10,000): 7.0 points"
    )
    assert body["text"].endswith(": " + body["board_url"])
    assert body["sentence"] == shown.sentence
    assert (body["kind"], body["model"], body["verdict"]) == ("alarm", "loans", "drift")
    assert body["columns"] == ["income", "accuracy", "score"]
    assert body["since"] == "2026-11-22T11:00:00+00:00"
    assert body["advice"]["action"] == "retrain"


def test_the_link_opens_the_view_of_the_first_column_that_a_board_shows():
    shown = board(record("accuracy"), record("age", 1))
    link = urlsplit(payload.alarm_body(shown, shown.alarms, 0, BOARD_URL)["board_url"])
    assert (link.netloc, link.path) == ("drift.example.com", "/monitor/")
    assert parse_qs(link.query) == {
        "model": ["loans"], "window": ["1000"], "reference": ["training"], "column": ["age"],
    }  # fmt: skip


def test_many_alarms_are_counted_and_those_told_before_are_not_named():
    told = [record(name, hour) for hour, name in enumerate(("a", "b", "c", "d", "e", "f"))]
    text = payload.alarm_body(board(*told), told, 2, BOARD_URL)["text"]
    assert "; then b, c, d and 2 more (2 more sounded before). Accuracy fell since Monday. Drift: " in text
    assert " Retrain. Accuracy fell" in text


def test_where_nothing_is_to_be_done_the_message_does_not_say_so_and_leave_it_there():
    quiet = board(record("age"), names=("age",), effect=0.02, now=SAME)
    text = payload.alarm_body(quiet, [record("age")], 0, BOARD_URL)["text"]
    assert (quiet.verdict, quiet.advice.action) == ("warning", "none")
    assert "Answer the alarm; nothing else has to be done yet. No fall of accuracy beyond chance" in text


@pytest.mark.parametrize(
    ("silent", "is_told"),
    [
        ({"acknowledged": answered()}, False),
        ({"snoozed": Snooze(AT + timedelta(days=3), "ana", "")}, False),
        ({"snoozed": Snooze(AT, "ana", "")}, True),
        ({}, True),
    ],
)
def test_answered_and_snoozed_alarms_are_silent(silent, is_told):
    assert bool(payload.sounding(board(record("age", **silent)))) == is_told


def test_an_alarm_that_late_rows_move_is_the_same_and_one_after_an_answer_is_another():
    first = payload.sounding(board(record("age")))
    moved = replace(record("age", 2), mark=Mark(99, 99, AT))
    assert list(first) == list(payload.sounding(board(moved)))
    again = payload.sounding(board(record("age", acknowledged=answered()), moved))
    assert len(again) == 1
    assert list(again) != list(first)
    other = replace(board(record("age")), reference="accepted-v2")
    assert list(payload.sounding(other)) != list(first)


def test_columns_that_cannot_be_compared_are_named_with_the_reason():
    broken = ColumnReport(
        column="age", kind="numeric", role="feature", verdict="error", note="Could not be computed: x"
    )
    shown = replace(board(now=SAME), columns=(broken,))
    found = payload.failing(shown)
    assert list(found.values()) == [("age", "Could not be computed: x")]
    body = payload.check_body(shown, list(found.values()), BOARD_URL)
    assert body["text"].startswith(
        "The check of loans fails: age cannot be compared, so that a drift would not be seen."
    )
    assert (body["kind"], body["verdict"], body["columns"]) == ("check failed", "error", ["age"])


@pytest.mark.parametrize(
    ("state", "more", "steps", "expected"),
    [
        ("proposed", {}, [], True),
        ("waiting_approval", {}, [], True),
        ("failed", {}, [], True),
        ("rejected", {}, [], True),
        ("rejected", {"decision": "refuse"}, [], False),
        ("rejected", {"dry_run": True}, [], False),
        ("rolled_back", {}, [("canary", "rejected")], True),
        ("rolled_back", {}, [("promote", "failed")], True),
        ("rolled_back", {}, [("canary", "cancelled")], False),
        ("cancelled", {}, [], False),
        ("promoted", {}, [], False),
        ("running", {}, [], False),
        ("canary", {}, [], False),
    ],
)
def test_jobs_that_wait_or_ended_badly_are_news_and_what_people_did_is_not(state, more, steps, expected):
    assert payload.is_news(job(state, **more), [step(*one) for one in steps]) == expected


def test_a_job_that_waits_says_what_there_is_to_decide():
    scores = {"log_loss": None, "recall": {}}
    span = {"held_out_start": "2026-11-24T10:00:00+00:00", "held_out_end": "2026-11-25T10:00:00+00:00"}
    result = {
        "version": "v2",
        "champion": {"version": "v1", "accuracy": 0.81, **scores},
        "challenger": {"accuracy": 0.853, **scores},
        **{"difference": 0.043, "interval": [0.02, 0.06], "p_value": 0.001, "n_held_out": 1200, "sentence": "", **span},
    }
    body = payload.job_body(job("waiting_approval", result=result), BOARD_URL)
    assert body["text"] == (
        "Job 7 of loans waits for a decision: accuracy 81.0% today, 85.3% with v2 on 1,200 held-out rows. "
        "Approve or refuse it: https://drift.example.com/monitor/retrain?model=loans"
    )
    assert (body["kind"], body["job"], body["state"]) == ("job waits", 7, "waiting_approval")
    proposed = payload.job_body(job("proposed", requested_by="trigger 1"), BOARD_URL)["text"]
    assert proposed.startswith("Job 7 of loans is proposed by trigger 1: incomes moved Start or refuse it: ")


def test_a_job_that_ended_badly_says_why():
    body = payload.job_body(
        job("rolled_back", note="v2 was rolled back by itself. 7 of 50 answers were errors."), BOARD_URL
    )
    assert body["kind"] == "job rolled back"
    assert body["text"].startswith(
        "Job 7 of loans did not go through: v2 was rolled back by itself. 7 of 50 answers were errors: https://"
    )


def test_what_people_and_data_wrote_does_nothing_in_a_channel():
    hostile = (
        "<!channel> @all [x](http://192.0.2.1/p) ![p](https://192.0.2.1/p.png) `code` *bold*\nsecond www.evil.example"
    )
    text = payload.job_body(job("failed", note=hostile), BOARD_URL)["text"]
    said, _, link = text.rpartition(": ")
    assert link == f"{BOARD_URL}/retrain?model=loans"
    assert not set("<>@[]`*\n") & set(said)
    assert "://" not in said
    assert "www." not in said


def test_a_message_stays_short():
    assert len(payload.job_body(job("failed", note="word " * 1000), BOARD_URL)["text"]) < 500

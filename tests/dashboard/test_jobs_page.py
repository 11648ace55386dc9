"""The Retrain page on a small real database, its jobs driven the way a worker drives them."""

import os
from datetime import UTC, datetime, timedelta

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.reading.scope import Scope
from drift.data.windows import Column, LastRows
from storage.database.audit import read_audit
from storage.database.engine import writing
from storage.jobs import decisions, job_rows, leases, queue, schedules, triggers, workers
from storage.jobs.leases import Outcome
from storage.models import promotion, registration, registry
from tests.conftest import ROOT
from tests.patience import PATIENCE

PAGE = ROOT / "dashboard/views/jobs.py"
MODEL = "loans"
COLUMNS = (
    Column("income", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
RESULT = {
    "version": "v2",
    "champion": {"version": "v1", "accuracy": 0.81, "log_loss": 0.45, "recall": {"no": 0.8, "yes": 0.82}},
    "challenger": {"accuracy": 0.85, "log_loss": 0.4, "recall": {"no": 0.84, "yes": 0.86}},
    "difference": 0.04,
    "interval": [0.02, 0.06],
    "p_value": 0.0001,
    "n_held_out": 1200,
    "held_out_start": "2026-11-24T10:00:00+00:00",
    "held_out_end": "2026-11-25T10:00:00+00:00",
    "sentence": "accuracy 0.850 against the champion's 0.810",
    "after_approval": "promote",
}
HOSTILE = "![x](http://evil.example/p.png) :red[no]"


@pytest.fixture
def loans(log):
    """A log of a model that a retrain can be asked for: labelled rows, a champion, a worker that lives."""
    log.register(MODEL, COLUMNS)
    add_rows(log, 700)
    registration.register_version(log, MODEL, uri=None, sha256=None, created_by="seed", champion=True)
    workers.beat(log, "w1", "host", os.getpid(), "1")
    return log


def add_rows(log, n):
    start = datetime(2026, 11, 1, tzinfo=UTC)
    rows = [
        {
            "request_id": f"r{k}",
            "predicted_at": start + timedelta(minutes=k),
            "income": float(k % 90),
            "prediction": "yes",
            "label": "yes" if k % 3 else "no",
        }
        for k in range(n)
    ]
    log.append(MODEL, rows)


def page() -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=PATIENCE)
    app.session_state["scope"] = Scope(MODEL, LastRows(1000), "1000", None, None)
    app.run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    kinds = ("success", "info", "warning", "error", "markdown", "caption")
    return "\n".join(element.value for kind in kinds for element in app.get(kind))


def cells(app: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in [*app.table, *app.dataframe])


def until_approval(log, **result) -> int:
    """Let a worker carry a job to the approval."""
    job_id = queue.start(log, MODEL, "new words", "ana").job_id
    for step, following in zip(job_rows.STEPS[:6], job_rows.STEPS[1:7], strict=True):
        ticket = leases.claim(log, "w1")
        assert ticket is not None
        assert ticket.step == step
        last = step == "register"
        leases.commit(
            log,
            ticket,
            Outcome(
                state="waiting_approval" if last else "running",
                step=following,
                result={**RESULT, **result} if last else {},
                effect=(lambda c, job_id=job_id: add_challenger(c, job_id)) if last else None,
            ),
        )
    return job_id


def add_challenger(connection, job_id):
    values = {"job_id": job_id, "created_by": "worker", "uri": "f", "sha256": "0"}
    return {"version": registration.add_version(connection, MODEL, values)}


def act(app: AppTest, name: str = "ana") -> AppTest:
    app.text_input(key="actor").input(name)
    return app


def test_the_first_sentence_says_that_a_retrain_can_start_and_the_preflight_shows_the_counts(loans):
    app = page()
    assert "v1 serves" in app.info[0].value
    assert "A retrain can start" in app.info[0].value
    assert "700 in the log ('yes' 466, 'no' 234)" in cells(app)
    assert "1 alive" in cells(app)
    assert not app.button(key="go").disabled


def test_an_empty_reason_or_name_is_told_at_the_field_and_starts_nothing(loans):
    app = page()
    app.button(key="go").click().run()
    assert "A reason must be given" in text_of(app)
    assert "Your name must be given" in text_of(app)
    act(app).text_area(key="reason").input("   ")
    app.button(key="go").click().run()
    assert "A reason must be given" in text_of(app)
    assert queue.read_jobs(loans) == ()


def test_start_writes_one_job_with_its_reason_and_shows_it(loans):
    app = act(page())
    app.text_area(key="reason").input("new words since Monday")
    app.button(key="go").click().run()
    (job,) = queue.read_jobs(loans)
    assert (job.reason, job.requested_by, job.state) == ("new words since Monday", "ana", "queued")
    assert job.params == {}, "what was left as it is keeps its default"
    assert f"Job {job.id} is at work" in text_of(app)
    assert f"Started: job {job.id}" in text_of(app).replace("\\", "")


def test_the_rows_to_use_can_be_chosen(loans):
    app = act(page())
    app.text_area(key="reason").input("a drift of yesterday")
    app.number_input(key="window_rows").set_value(2_000)
    app.slider(key="holdout").set_value(25)
    app.button(key="go").click().run()
    (job,) = queue.read_jobs(loans)
    assert job.params == {"holdout_share": 0.25, "window_rows": 2_000}


def test_a_click_on_a_dashboard_that_has_not_seen_the_job_says_who_started_it(loans):
    app = act(page(), "ben")
    job_id = queue.start(loans, MODEL, "cron", "ana").job_id
    app.text_area(key="reason").input("me too")
    app.button(key="go").click().run()
    assert f"Already running: job {job_id}, started by ana" in text_of(app).replace("\\", "")
    assert len(queue.read_jobs(loans)) == 1


def test_a_button_that_is_disabled_says_why(loans, monkeypatch):
    loans.register("empty", COLUMNS[:2])  # not even a label column
    app = page()
    app.session_state["scope"] = Scope("empty", LastRows(1000), "1000", None, None)
    app.run()
    assert app.button(key="go").disabled
    assert "At least 500 labelled rows in the log are needed; there are 0" in text_of(app).replace("\\", "")


def test_a_running_job_shows_its_steps_progress_note_and_log(loans):
    job_id = queue.start(loans, MODEL, HOSTILE, HOSTILE[:70]).job_id
    ticket = leases.claim(loans, "w1")
    leases.commit(loans, ticket, Outcome(state="running", step="collect"))
    ticket = leases.claim(loans, "w1")
    leases.report(loans, ticket, 0.4, "collected 300 of 700 rows")
    leases.write_log_tail(loans, ticket, HOSTILE)
    app = page()
    assert f"Job {job_id} is at work" in text_of(app)
    assert "collected 300 of 700 rows" in cells(app)
    assert ":green[:material/check_circle:\u00a0done]" in cells(app)
    assert ":blue[:material/sync:\u00a0running]" in cells(app)
    assert HOSTILE in app.code[0].value
    assert "![x]" not in text_of(app), "what people wrote must never be Markdown"


def test_a_job_that_runs_on_github_links_to_its_run_and_to_nothing_else(loans):
    job_id = queue.start(loans, MODEL, "new words", "ana", external_ref="https://github.com/a/b/actions/runs/9").job_id
    assert f"Job {job_id} runs elsewhere: [its run](https://github.com/a/b/actions/runs/9)." in page().info[0].value
    decisions.cancel(loans, job_id, "ana")
    queue.start(loans, MODEL, "new words", "ana", external_ref="javascript:alert(1)")
    assert "](" not in page().info[0].value


def test_a_job_without_a_worker_says_so(loans):
    workers.leave(loans, "w1")
    job_id = queue.start(loans, MODEL, "new words", "ana").job_id
    app = page()
    assert f"Job {job_id} stands still until a worker is alive" in app.error[0].value


def test_cancel_needs_a_name_and_frees_the_model(loans):
    queue.start(loans, MODEL, "new words", "ana")
    app = page()
    app.button(key="cancel").click().run()
    assert "Your name must be given" in text_of(app)
    act(app, "ben").button(key="cancel").click().run()
    (job,) = queue.read_jobs(loans)
    assert (job.state, job.cancel_by) == ("cancelled", "ben")
    assert not app.button(key="go").disabled


def test_approval_shows_both_models_and_promotes_with_the_name_and_the_note(loans):
    job_id = until_approval(loans)
    app = page()
    assert f"Job {job_id} waits for your decision" in app.warning[0].value
    assert "better by 4.0 points of accuracy [+2.0, +6.0]" in app.warning[0].value
    assert "81.0\u00a0%" in cells(app)
    assert "+4.0\u00a0points" in cells(app)
    act(app, "ben").text_input(key="note").input("looked at recall")
    app.button(key="approve").click().run()
    job = queue.read_job(loans, job_id)
    assert (job.decision, job.decided_by, job.decision_note) == ("approve", "ben", "looked at recall")
    leases.commit(loans, leases.claim(loans, "w1"), Outcome(state="promoted", step="promote", effect=promote))
    app.run()
    assert "Accuracy 81.0% before, 85.0% after on 1,200 held-out rows" in app.success[0].value
    assert "Approved by ben" in app.success[0].value
    assert "cool-down ends" in cells(app)
    decisions.rollback(loans, MODEL, "ben", "complaints")
    app.run()
    assert "v1 serves. v2 of job" in app.info[0].value


def promote(connection):
    promotion.promote(connection, MODEL, "v2", "worker")


def test_a_refusal_needs_a_note(loans):
    job_id = until_approval(loans)
    app = act(page(), "ben")
    app.button(key="refuse").click().run()
    assert "A note must be given to refuse" in text_of(app)
    assert queue.read_job(loans, job_id).state == "waiting_approval"
    app.text_input(key="note").input("recall of no fell")
    app.button(key="refuse").click().run()
    assert queue.read_job(loans, job_id).state == "rejected"
    assert "refused by ben: recall of no fell" in cells(app).replace("\\", "")


def test_a_decision_that_came_too_late_says_who_decided(loans):
    job_id = until_approval(loans)
    app = act(page(), "ben")
    decisions.refuse(loans, job_id, "eve", "no")
    app.button(key="approve").click().run()
    assert queue.read_job(loans, job_id).decided_by == "eve"
    assert "was refused already, by eve" in text_of(app).replace("\\", "")


def test_a_result_without_numbers_is_shown_as_absent(loans):
    until_approval(loans, champion=None, challenger={}, difference=None, interval=None, n_held_out=None)
    app = page()
    assert "No comparison was recorded" in text_of(app)


PLACE = {"phase": "canary", "share": 0.1}
TRIAL = {
    **PLACE,
    "since": "2026-11-25T10:00:00+00:00",
    "phase_since": "2026-11-25T10:04:00+00:00",
    "n_canary": 90,
    "n_scored": 900,
    "n_labelled": 400,
    "difference": 0.0,
    "interval": [-0.032, 0.032],
    "n_more": 3700,
    "sentence": "Even on 400 labelled rows (interval -3.2 to +3.2 points): needs about 3,700 more labelled rows.",
    "guardrails": [{"name": "latency", "passed": True, "text": "12 ms *fast*"}],
    "history": [
        {"n": 100, "difference": 0.01, "interval": [-0.1, 0.12], **PLACE, "at": "2026-11-25T10:05:00+00:00"},
        {"n": 400, "difference": 0.0, "interval": [-0.032, 0.032], **PLACE, "at": "2026-11-25T11:00:00+00:00"},
    ],
}


def on_trial(log, **trial) -> int:
    """Let a challenger answer a tenth of the requests."""
    job_id = until_approval(log, after_approval="canary", rollout="canary")
    decisions.approve(log, job_id, "ben")

    def begin(connection):
        promotion.begin_trial(connection, MODEL, "v2", "challenger", 0.1, "ben")

    waits = {"state": "canary", "step": "canary", "step_state": "waiting", "wait": timedelta(minutes=1)}
    leases.commit(log, leases.claim(log, "w1"), Outcome(**waits, result={"canary": {**TRIAL, **trial}}, effect=begin))
    return job_id


def test_a_trial_shows_its_share_what_the_labels_say_and_how_many_more_are_needed(loans):
    job_id = on_trial(loans)
    app = page()
    assert f"Job {job_id}: v2 answers 10% of the requests" in app.info[0].value
    assert "needs about 3,700 more labelled rows" in app.info[0].value.replace("\\", "")
    assert [metric.value for metric in app.metric] == ["10%", "900", "400", "about 3,700"]
    assert ":material/check_circle:" in cells(app)
    assert "\\*fast\\*" in cells(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_trial_before_its_first_labels_says_what_it_waits_for(loans):
    on_trial(loans, share=0.0, n_labelled=0, history=[], guardrails=[])
    app = page()
    assert "v2 scores every request unseen, 900 of at least 200 so far" in app.info[0].value
    assert not app.get("plotly_chart")


def test_a_trial_is_ended_by_hand_with_a_reason(loans):
    job_id = on_trial(loans)
    app = act(page(), "ben")
    app.button(key="trial_back").click().run()
    assert "A reason must be given" in text_of(app)
    assert queue.read_job(loans, job_id).state == "canary"
    app.text_input(key="trial_reason").input("complaints")
    app.button(key="trial_back").click().run()
    assert queue.read_job(loans, job_id).state == "rolled_back"
    assert "challenger" not in registry.read_aliases(loans, MODEL)


def test_a_trial_is_promoted_before_its_time_with_a_reason(loans):
    job_id = on_trial(loans)
    app = act(page(), "ben")
    app.text_input(key="trial_reason").input("it is obvious")
    app.button(key="promote_now").click().run()
    assert queue.read_job(loans, job_id).step == "promote"
    assert read_audit(loans, MODEL)[0].action == "promote early"


def test_a_proposal_is_started_or_refused_by_a_person(loans):
    with writing(loans.engine) as connection:
        job_id = queue.start_within(connection, MODEL, HOSTILE, "trigger 1", "drift", state="proposed").job_id
    app = act(page(), "ben")
    assert f"Job {job_id} is proposed by trigger 1" in app.warning[0].value
    assert "![x]" not in text_of(app)
    app.button(key="refuse").click().run()
    assert "A note must be given to refuse" in text_of(app)
    app.button(key="approve").click().run()
    assert queue.read_job(loans, job_id).state == "queued"


def test_parts_and_calibration_are_shown_and_a_part_that_is_surely_worse_is_told(loans):
    part = {"column": "region", "part": "= [x](y)", "n": 120, "champion": 0.9, "challenger": 0.8}
    part |= {"difference": -0.1, "interval": [-0.18, -0.02], "share": 0.2, "share_before": 0.05, "has_grown": True}
    many = [
        {**part, "part": f"= {k}", "difference": 0.01 * k, "interval": [0, 0.1], "has_grown": False} for k in range(9)
    ]
    sure = [[0.65, 0.5, 40], [0.95, 0.9, 200]]
    until_approval(
        loans,
        slices=[part, *many],
        champion={**RESULT["champion"], "accuracy_interval": [0.79, 0.83], "calibration": sure},
    )
    app = page()
    assert "Worse on region \\= \\[x\\]\\(y\\) by 10.0 points of accuracy, n = 120." in text_of(app)
    assert "81.0\u00a0% [79.0,\u00a083.0]" in cells(app)
    assert ":material/trending_up:" in cells(app)
    assert "5 parts in between are not shown" in text_of(app)
    assert len(app.get("plotly_chart")) == 1


def test_an_ended_job_is_tried_again_from_a_step(loans):
    job_id = until_approval(loans)
    decisions.refuse(loans, job_id, "eve", "not today")
    app = act(page(), "ben")
    app.selectbox(key="retry_step").select("evaluate")
    app.text_input(key="retry_reason").input("it is tomorrow")
    app.button(key="do_retry").click().run()
    job = queue.read_job(loans, job_id)
    assert (job.state, job.step) == ("queued", "evaluate")


def test_a_kept_version_is_promoted_by_hand(loans):
    job_id = until_approval(loans)
    decisions.refuse(loans, job_id, "eve", "not today")
    app = act(page(), "ben")
    app.text_input(key="roll_back_reason").input("it was right after all")
    app.button(key="promote_version").click().run()
    assert registry.read_alias(loans, MODEL, "champion") == "v2"
    assert "V2 serves now instead of v1" in text_of(app)


def test_schedules_and_triggers_are_added_switched_off_and_removed(loans):
    app = act(page(), "ben")
    app.text_input(key="cron").input("0 3 * * 1")
    app.selectbox(key="time_zone").select("Europe/Berlin")
    app.button(key="add_schedule").click().run()
    assert "A reason must be given" in text_of(app)
    app.text_input(key="schedule_reason").input("weekly refresh")
    app.button(key="add_schedule").click().run()
    (schedule,) = schedules.read_schedules(loans, MODEL)
    assert (schedule.cron, schedule.time_zone, schedule.created_by) == ("0 3 * * 1", "Europe/Berlin", "ben")
    assert "03:00 CE" in text_of(app)
    app.selectbox(key="trigger_kind").select("labels")
    app.number_input(key="trigger_labels").set_value(2_500)
    app.button(key="add_trigger").click().run()
    (trigger,) = triggers.read_triggers(loans, MODEL)
    assert (trigger.kind, trigger.mode, trigger.settings["n_labels"]) == ("labels", "propose", 2_500)
    assert "propose it to a person after every 2,500 new labelled rows" in text_of(app)
    app.button(key=f"switch_schedule_{schedule.id}").click().run()
    assert not schedules.read_schedules(loans, MODEL)[0].enabled
    assert "switched off" in text_of(app)
    app.button(key=f"switch_schedule_{schedule.id}").click().run()
    assert schedules.read_schedules(loans, MODEL)[0].enabled
    app.button(key=f"remove_trigger_{trigger.id}").click().run()
    assert triggers.read_triggers(loans, MODEL) == ()


def test_a_schedule_that_cannot_be_read_says_what_a_schedule_is(loans):
    app = act(page(), "ben")
    app.text_input(key="cron").input("every monday")
    app.text_input(key="schedule_reason").input("weekly refresh")
    app.button(key="add_schedule").click().run()
    assert "Cron must have five fields" in text_of(app).replace("\\", "")
    assert schedules.read_schedules(loans) == ()


def test_roll_back_needs_a_reason_and_brings_the_previous_champion_back(loans):
    registration.register_version(loans, MODEL, uri=None, sha256=None, created_by="ana", champion=True)
    app = act(page(), "ben")
    app.button(key="do_roll_back").click().run()
    assert "A reason must be given" in text_of(app)
    app.text_input(key="roll_back_reason").input("complaints")
    app.button(key="do_roll_back").click().run()
    assert registry.read_alias(loans, MODEL, "champion") == "v1"
    assert read_audit(loans, MODEL)[0].detail["note"] == "complaints"
    assert app.button(key="do_roll_back").disabled


def test_history_and_audit_list_what_was_done(loans):
    job_id = until_approval(loans)
    decisions.approve(loans, job_id, "ben", "fine")
    app = page()
    history, audit = (table.value for table in app.dataframe)
    assert history.iloc[0][["Job", "Reason", "By", "Decided by"]].tolist() == [job_id, "new words", "ana", "ben"]
    assert audit["Action"].tolist()[0] == "approve"


def test_a_start_and_a_wake_say_in_a_sentence_why_there_is_no_worker(loans, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder can be made here")
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(tmp_path / "file" / "models"))
    monkeypatch.setenv("DRIFT_WORKER", "auto")
    workers.leave(loans, "w1")
    st.cache_resource.clear()
    app = page()
    app.text_area(key="reason").input("new words")
    act(app, "ana")
    app.button(key="go").click().run()
    assert [job.state for job in queue.read_jobs(loans)] == ["queued"]
    why = "No worker can be started: Not a directory. Jobs wait until one is alive."
    assert f"Started: job 1. {why}" in app.success[0].value.replace("\\", "")
    app.button(key="wake").click().run()
    assert not app.exception
    assert app.warning[0].value.replace("\\", "") == why

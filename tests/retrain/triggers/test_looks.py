"""Triggers: what is advised long enough, or enough new labels, proposes or starts a job."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from retrain.triggers import looks
from retrain.triggers.looks import TriggerSettings
from storage.database.audit import read_audit
from storage.database.schema import retrain_trigger
from storage.jobs import decisions, queue, triggers
from tests.retrain.conftest import START, fill, run, simulated

OFTEN = TriggerSettings(checks=2, window_rows=1_000, every_minutes=0)


def watched(log, artifacts, mode, *, turned=True, kind="drift", settings=OFTEN, **more):
    fill(log, artifacts, turned=turned)
    log.freeze_reference("m", "training", rows=1_000)
    return looks.add(log, "m", kind, mode, by="ana", settings=settings, **more)


def more_rows(log, n=20, day=5, turned=False, **more):
    frame = simulated(n, seed=day, start=START + timedelta(days=day), turned=turned)
    log.append("m", frame.assign(prediction="good", score=0.5, **more))


def said(log):
    (trigger,) = triggers.read_triggers(log)
    return trigger.last_result


def test_a_loss_that_is_advised_often_enough_is_proposed_and_a_person_lets_it_begin(log, artifacts):
    number = watched(log, artifacts, "propose")
    looks.look(log)
    assert "(1 of 2 looks in a row)" in said(log)
    looks.look(log)
    assert "(1 of 2 looks in a row)" in said(log), "the same rows are no second look"
    more_rows(log)
    looks.look(log)
    assert "20 of 1,000 rows have come since the last look (1 of 2 looks in a row)" in said(log)
    more_rows(log, 980, day=6, turned=True)
    looks.look(log)
    job = queue.read_active_job(log, "m")
    assert (job.state, job.trigger, job.requested_by) == ("proposed", "performance", f"trigger {number}")
    assert job.reason.startswith("Retrain")
    assert "accuracy" in job.reason.lower()
    assert job.evidence["looks"] == 2
    assert run(log, artifacts, job.id).state == "proposed"
    assert "already proposed: job 1, by trigger 1; approve it" in queue.start(log, "m", "why", "ben").message
    assert decisions.approve(log, job.id, "ben", "go").message == "job 1 begins"
    waiting = run(log, artifacts, job.id)
    assert (waiting.state, waiting.decision) == ("waiting_approval", None), waiting.note
    decisions.approve(log, job.id, "ben")
    assert run(log, artifacts, job.id).state == "promoted"
    actions = [entry.action for entry in read_audit(log, "m")]
    expected = ["approve", "approve proposal", "propose", "add trigger"]
    assert [action for action in actions if action in expected] == expected


def test_a_proposal_may_be_refused_and_does_not_come_again_at_once(log, artifacts):
    watched(log, artifacts, "propose", settings=TriggerSettings(checks=1, window_rows=1_000, every_minutes=0))
    looks.look(log)
    assert decisions.refuse(log, 1, "ben", "a holiday").accepted
    assert queue.read_job(log, 1).note == "The proposal was refused by ben. a holiday"
    more_rows(log)
    looks.look(log)
    assert len(queue.read_jobs(log)) == 1
    assert "It has fired within 24 hours already." in said(log)


def test_a_loss_that_labels_show_may_start_a_job(log, artifacts):
    watched(log, artifacts, "start", settings=TriggerSettings(checks=1, window_rows=1_000, every_minutes=0))
    looks.look(log)
    assert queue.read_active_job(log, "m").state == "queued"
    assert "started: job 1" in said(log)


def test_nothing_is_started_while_a_guard_holds(log, artifacts):
    params = {"min_rows": 2_000}
    watched(
        log, artifacts, "start", params=params, settings=TriggerSettings(checks=1, window_rows=1_000, every_minutes=0)
    )
    looks.look(log)
    assert queue.read_jobs(log) == ()
    assert "Not now: 1,500 of 2,000 labelled rows have come since the last training." in said(log)


def test_a_healthy_model_starts_nothing(log, artifacts):
    watched(
        log, artifacts, "start", turned=False, settings=TriggerSettings(checks=1, window_rows=1_000, every_minutes=0)
    )
    looks.look(log)
    assert queue.read_jobs(log) == ()
    assert "(0 of 1 looks in a row)" in said(log)


def test_what_the_old_champion_got_wrong_starts_no_retrain_of_the_new_one(log, artifacts):
    watched(log, artifacts, "start", settings=TriggerSettings(checks=1, window_rows=1_000, every_minutes=0))
    queue.start(log, "m", "it fell", "ana", params={"window_rows": 1_500, "holdout_share": 0.25})
    run(log, artifacts, 1)
    decisions.approve(log, 1, "ben")
    assert run(log, artifacts, 1).state == "promoted"
    # A guard would hide it for a day: the trigger is not to see a loss at all.
    looks.look(log)
    assert "Wait for more rows (0 of 1 looks in a row)" in said(log)
    more_rows(log)
    looks.look(log)
    assert "Wait for more rows (0 of 1 looks in a row)" in said(log)


def test_new_labels_start_a_job_once_and_are_counted_from_there(log, artifacts):
    settings = TriggerSettings(n_labels=100, every_minutes=0, pause_hours=0)
    watched(log, artifacts, "start", kind="labels", settings=settings)
    looks.look(log)
    assert said(log).endswith("0 of 100 new labelled rows")
    more_rows(log, 60)
    more_rows(log, 30, day=6, label=None)
    looks.look(log)
    assert said(log).endswith("60 of 100 new labelled rows")
    more_rows(log, 50, day=7)
    looks.look(log)
    job = queue.read_active_job(log, "m")
    assert (job.state, job.trigger, job.reason) == ("queued", "continuous", "110 new labelled rows have come.")
    decisions.cancel(log, job.id, "ana")
    looks.look(log)
    assert said(log).endswith("0 of 100 new labelled rows")
    assert len(queue.read_jobs(log)) == 1


def test_a_job_that_runs_already_keeps_the_trigger_waiting(log, artifacts):
    settings = TriggerSettings(n_labels=10, every_minutes=0)
    watched(log, artifacts, "start", kind="labels", settings=settings)
    looks.look(log)
    job_id = queue.start(log, "m", "by hand", "ben").job_id
    more_rows(log, 20)
    looks.look(log)
    assert "already running: job 1, started by ben" in said(log)
    decisions.cancel(log, job_id, "ben")
    looks.look(log)
    assert "started: job " in said(log)


def test_a_look_that_fails_is_told_and_the_next_trigger_is_looked_at(log, artifacts):
    number = watched(log, artifacts, "propose")
    looks.add(log, "m", "labels", "propose", by="ana")
    with log.engine.begin() as connection:
        broken = sa.update(retrain_trigger).where(retrain_trigger.c.id == number)
        connection.execute(broken.values(memory={"held": "many", "until": "now", "reference": "training"}))
    first, second = looks.look(log)
    assert "the look failed: ValueError" in first
    assert "new labelled rows" in second


def test_a_look_is_taken_by_one_worker_and_only_when_it_is_due(log, artifacts):
    watched(log, artifacts, "propose", kind="labels", settings=TriggerSettings())
    (seen,) = triggers.read_due_triggers(log)
    later = datetime.now(UTC) + timedelta(minutes=10)
    assert [triggers.take(log, seen, later) for _ in range(2)] == [True, False]
    assert triggers.read_due_triggers(log) == ()
    assert looks.look(log) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "weather"}, "kind must be one of drift, labels; got 'weather'"),
        ({"mode": "order"}, "mode must be one of propose, start; got 'order'"),
        ({"params": {"rollout": "loud"}}, "rollout must be canary or direct; got 'loud'"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused(wrong, said, log, artifacts):
    fill(log, artifacts)
    given = {"kind": "drift", "mode": "propose"} | wrong
    with pytest.raises(ValueError, match=said):
        looks.add(log, "m", given.pop("kind"), given.pop("mode"), by="ana", **given)


@pytest.mark.parametrize("wrong", [{"actions": ("panic",)}, {"checks": 0}, {"window_rows": 10}, {"actions": ()}])
def test_settings_of_a_trigger_are_checked(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        TriggerSettings(**wrong)


@pytest.mark.parametrize("kind", ["drift", "labels"])
def test_no_trigger_fires_where_labels_use_names_that_no_prediction_has(log, artifacts, kind):
    settings = TriggerSettings(checks=1, window_rows=1_000, every_minutes=0, n_labels=10, pause_hours=0)
    fill(log, artifacts, turned=False)
    looks.add(log, "m", kind, "start", by="ana", settings=settings)
    looks.look(log)
    log.freeze_reference("m", "training", rows=1_000)
    frame = simulated(1_200, seed=9, start=START + timedelta(days=9), turned=False)
    labels = frame["label"].map({"good": "g", "bad": "b"})
    log.append("m", frame.assign(prediction=frame["label"], score=0.5, label=labels))
    looks.look(log)
    assert queue.read_jobs(log) == ()
    assert "use names that no prediction has: " in said(log)


def test_a_job_that_somebody_asks_for_refuses_to_learn_from_such_names(log, artifacts):
    fill(log, artifacts, turned=False)
    log.freeze_reference("m", "training", rows=1_000)
    frame = simulated(1_200, seed=9, start=START + timedelta(days=9), turned=False)
    labels = frame["label"].map({"good": "g", "bad": "b"})
    log.append("m", frame.assign(prediction=frame["label"], score=0.5, label=labels))
    queue.start(log, "m", "labels came", "ana")
    job = run(log, artifacts, queue.read_active_job(log, "m").id)
    assert job.state == "rejected"
    assert "Labels use names that no prediction has" in job.note
    assert "Repair the feed of the labels first" in job.note

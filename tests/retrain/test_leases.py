"""The contract of job tables: the same on SQLite and PostgreSQL."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from storage.database.engine import writing
from storage.jobs import decisions, leases, queue, workers
from storage.jobs.job_rows import set_job
from storage.jobs.leases import FencedOff, Outcome
from storage.log import PredictionLog, open_log
from storage.models import registration, registry
from tests.retrain.conftest import COLUMNS, fill, run

pytestmark = pytest.mark.each_database

SHORT = timedelta(milliseconds=1)
GO_ON = Outcome(state="queued", step="collect")


@pytest.fixture
def registered(log: PredictionLog) -> PredictionLog:
    log.register("m", COLUMNS)
    return log


def start(log: PredictionLog) -> int:
    return queue.start(log, "m", "it drifted", "ana").job_id


def waiting(log: PredictionLog) -> int:
    """Return a job that waits for approval of version v1."""
    job_id = start(log)
    with writing(log.engine) as connection:
        values = {"job_id": job_id, "created_by": "ana"}
        name = registration.add_version(connection, "m", values)
        assert registration.add_version(connection, "m", values) == name
        result = {"version": name, "after_approval": "promote"}
        set_job(connection, job_id, state="waiting_approval", step="approval", result=result)
    return job_id


def test_eight_clicks_from_two_dashboards_make_one_job(registered, database_url):
    other = open_log(database_url)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda k: queue.start((registered, other)[k % 2], "m", "it drifted", f"p{k}"), range(8))
        )
    other.close()
    assert sum(answer.started for answer in answers) == 1
    assert len({answer.job_id for answer in answers}) == 1
    winner = queue.read_jobs(registered)[0].requested_by
    refused = {answer.message for answer in answers if not answer.started}
    assert refused == {f"already running: job {answers[0].job_id}, started by {winner}"}
    assert len(queue.read_jobs(registered, "m")) == 1


def test_a_job_needs_a_reason_and_a_known_model(registered):
    with pytest.raises(ValueError, match="reason must be given"):
        queue.start(registered, "m", "  ", "ana")
    with pytest.raises(ValueError, match=r"model must be a registered one \(m\); got 'x'"):
        queue.start(registered, "x", "why", "ana")
    with pytest.raises(ValueError, match="job must be the number of a retrain job; got 99"):
        decisions.cancel(registered, 99, "ana")


def test_one_of_many_workers_gets_the_job(registered):
    start(registered)
    with ThreadPoolExecutor(6) as pool:
        tickets = list(pool.map(lambda k: leases.claim(registered, f"w{k}"), range(6)))
    (ticket,) = [ticket for ticket in tickets if ticket]
    assert (ticket.step, ticket.attempt, ticket.fence) == ("precheck", 1, 1)
    assert leases.renew(registered, ticket) == "running"
    leases.report(registered, ticket, 0.5, "half way")
    assert queue.read_job(registered, ticket.job_id).progress == 0.5


def test_who_lost_the_lease_writes_nothing(registered):
    job_id = start(registered)
    slow = leases.claim(registered, "slow", SHORT)
    time.sleep(0.01)
    quick = leases.claim(registered, "quick")
    assert (quick.attempt, quick.fence) == (2, 2)
    assert leases.renew(registered, slow) is None
    for write in (lambda: leases.commit(registered, slow, GO_ON), lambda: leases.fail(registered, slow, "late")):
        with pytest.raises(FencedOff):
            write()
    leases.commit(registered, quick, GO_ON)
    with pytest.raises(FencedOff):
        leases.commit(registered, quick, GO_ON)
    (step,) = queue.read_steps(registered, job_id)
    assert (step.state, step.attempt, step.crashes) == ("done", 2, 1)
    assert queue.read_job(registered, job_id).step == "collect"


def test_an_effect_that_fails_leaves_nothing_behind(registered):
    job_id = start(registered)
    ticket = leases.claim(registered, "w")

    def effect(connection):
        registration.add_version(connection, "m", {"job_id": job_id, "created_by": "ana"})
        raise RuntimeError("the power went off")

    with pytest.raises(RuntimeError):
        leases.commit(registered, ticket, Outcome(state="queued", step="collect", effect=effect))
    assert registry.read_versions(registered, "m") == ()
    assert leases.read_holder_state(registered, ticket) == "running"


def test_a_step_that_keeps_failing_fails_the_job_with_its_error(registered):
    job_id = start(registered)
    for n in range(1, leases.MAX_FAILURES + 1):
        ticket = leases.claim(registered, "w")
        assert ticket.attempt == n
        leases.fail(registered, ticket, "no disk left")
        assert leases.claim(registered, "w") is None  # it pauses
        with writing(registered.engine) as connection:
            set_job(connection, job_id, not_before=queue.read_job(registered, job_id).created_at)
    job = queue.read_job(registered, job_id)
    assert (job.state, job.active_model) == ("failed", None)
    assert job.note == "precheck gave up after 3 failures and 0 crashes; the last: no disk left"


def test_a_step_whose_worker_always_dies_is_given_up(registered):
    job_id = start(registered)
    for _ in range(leases.MAX_CRASHES):
        assert leases.claim(registered, "w", SHORT)
        time.sleep(0.005)
    assert leases.claim(registered, "w") is None
    assert queue.read_job(registered, job_id).note == (
        "precheck gave up after 0 failures and 10 crashes; the last: the worker died each time"
    )


def test_a_worker_that_is_asked_to_stop_hands_its_step_back_uncounted(registered):
    job_id = start(registered)
    leases.hand_back(registered, leases.claim(registered, "w"))
    ticket = leases.claim(registered, "other")
    assert (ticket.job_id, ticket.attempt) == (job_id, 2)
    assert [(step.failures, step.crashes) for step in queue.read_steps(registered, job_id)] == [(0, 0)]


def test_an_unknown_step_fails_with_a_clear_note(registered):
    job_id = start(registered)
    with writing(registered.engine) as connection:
        set_job(connection, job_id, step="divination")
    assert leases.claim(registered, "w") is None
    note = queue.read_job(registered, job_id).note
    assert note == "Step must be one that this release knows; the job has 'divination'."


def test_the_first_of_two_contrary_decisions_counts(registered):
    job_id = waiting(registered)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(act, registered, job_id, by)
            for act, by in ((decisions.approve, "ana"), (decisions.refuse, "ben"))
        ]
    assert sum(answer.result().accepted for answer in asked) == 1
    job = queue.read_job(registered, job_id)
    assert (job.state, job.decided_by) in {("queued", "ana"), ("rejected", "ben")}
    stage = registry.read_version(registered, "m", "v1").stage
    assert stage == ("candidate" if job.state == "queued" else "withdrawn")


def test_a_decision_about_a_job_that_registered_nothing_is_a_sentence_and_changes_nothing(registered):
    job_id = waiting(registered)
    with writing(registered.engine) as connection:
        set_job(connection, job_id, result={"version": "v1"})
    with pytest.raises(ValueError, match=r"job 1 must hold a version and the step after its approval; got {'version"):
        decisions.approve(registered, job_id, "ben")
    job = queue.read_job(registered, job_id)
    assert (job.state, job.version) == ("waiting_approval", "v1")


def test_the_approver_must_be_another_person_where_that_is_asked_for(registered):
    job_id = waiting(registered)
    with writing(registered.engine) as connection:
        set_job(connection, job_id, params={"other_approver": True})
    assert "must be approved by another person than ana" in decisions.approve(registered, job_id, "ana").message
    assert decisions.approve(registered, job_id, "ben").accepted


def test_a_job_that_nobody_holds_is_cancelled_at_once(registered):
    job_id = waiting(registered)
    assert decisions.cancel(registered, job_id, "ben").message == f"job {job_id} is cancelled"
    assert registry.read_version(registered, "m", "v1").stage == "withdrawn"
    assert decisions.cancel(registered, job_id, "ben").message == f"job {job_id} has ended already: cancelled"
    assert start(registered) != job_id


def test_a_cancel_waits_for_the_holder_and_outlives_it(registered):
    job_id = start(registered)
    ticket = leases.claim(registered, "w")
    decisions.cancel(registered, job_id, "ben")
    assert leases.renew(registered, ticket, SHORT) == "cancelling"
    with pytest.raises(FencedOff):
        leases.commit(registered, ticket, GO_ON)
    time.sleep(0.01)
    assert leases.settle_abandoned(registered) == 1
    assert queue.read_job(registered, job_id).state == "cancelled"
    assert leases.finish_cancel(registered, ticket) is False


def test_a_whole_job_runs_on_either_database(registered, artifacts):
    fill(registered, artifacts, model="whole")
    job_id = queue.start(registered, "whole", "red turned bad", "ana", params={"window_rows": 1500}).job_id
    assert run(registered, artifacts, job_id).state == "waiting_approval"
    assert decisions.approve(registered, job_id, "ben").accepted
    assert run(registered, artifacts, job_id).state == "promoted"
    assert registry.read_alias(registered, "whole", "champion") == "v2"


def test_a_worker_is_alive_until_it_leaves(registered):
    workers.beat(registered, "h:1", "h", 1, "1")
    workers.beat(registered, "h:1", "h", 1, "1")
    assert [worker.pid for worker in workers.read_live_workers(registered)] == [1]
    workers.leave(registered, "h:1")
    assert workers.read_live_workers(registered) == ()

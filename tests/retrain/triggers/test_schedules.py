"""Schedules on both databases: any number of workers look, one fires."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from retrain.triggers import schedules
from storage.database.audit import read_audit
from storage.database.schema import retrain_schedule
from storage.jobs import firings, queue
from storage.jobs.schedules import read_schedules
from tests.retrain.conftest import COLUMNS

pytestmark = pytest.mark.each_database


@pytest.fixture
def registered(log):
    log.register("m", COLUMNS)
    return log


def add(log, cron="*/5 * * * *", **more):
    return schedules.add(log, "m", cron, reason="each night", by="ana", **more).number


def due_since(log, number, ago):
    """Let a schedule be due for some time."""
    with log.engine.begin() as connection:
        at = datetime.now(UTC) - ago
        connection.execute(sa.update(retrain_schedule).where(retrain_schedule.c.id == number).values(next_at=at))


def test_missed_times_become_one_job_and_the_next_time_lies_ahead(registered):
    number = add(registered, params={"needs_approval": False}, time_zone="Europe/Berlin")
    assert schedules.tick(registered) == []
    due_since(registered, number, timedelta(days=3))
    (said,) = schedules.tick(registered)
    assert said.startswith(f"schedule {number}: ")
    assert said.endswith("UTC: started: job 1")
    assert schedules.tick(registered) == []
    job = queue.read_job(registered, 1)
    assert (job.trigger, job.requested_by, job.reason) == ("schedule", f"schedule {number}", "each night")
    assert job.params == {"needs_approval": False}
    (schedule,) = read_schedules(registered, "m")
    assert timedelta(0) < schedule.next_at - datetime.now(UTC) <= timedelta(minutes=5)
    assert schedule.last_result.endswith("started: job 1")


def test_many_workers_at_once_start_one_job(registered):
    number = add(registered)
    due_since(registered, number, timedelta(hours=1))
    with ThreadPoolExecutor(8) as pool:
        said = [one for found in pool.map(lambda _: schedules.tick(registered), range(8)) for one in found]
    assert len(said) == 1
    assert len(queue.read_jobs(registered)) == 1


def test_a_schedule_that_meets_a_running_job_says_so_and_waits_for_its_next_time(registered):
    queue.start(registered, "m", "by hand", "ben")
    number = add(registered)
    due_since(registered, number, timedelta(minutes=1))
    (said,) = schedules.tick(registered)
    assert said.endswith("already running: job 1, started by ben")
    assert len(queue.read_jobs(registered)) == 1
    assert schedules.tick(registered) == []


def test_a_schedule_that_is_switched_off_does_not_fire_and_does_not_catch_up(registered):
    number = add(registered)
    firings.enable(registered, "schedule", number, "ben", on=False)
    due_since(registered, number, timedelta(days=1))
    assert schedules.tick(registered) == []
    schedules.enable(registered, number, "ben")
    assert schedules.tick(registered) == []
    firings.remove(registered, "schedule", number, "ben")
    assert read_schedules(registered) == ()
    actions = [entry.action for entry in read_audit(registered, "m")]
    assert actions == ["remove schedule", "enable schedule", "disable schedule", "add schedule"]


def test_a_schedule_that_this_machine_cannot_read_is_switched_off_with_the_reason(registered):
    number = add(registered)
    other = add(registered)
    with registered.engine.begin() as connection:
        gone = {"time_zone": "Atlantis/Capital", "next_at": datetime.now(UTC) - timedelta(minutes=1)}
        connection.execute(sa.update(retrain_schedule).where(retrain_schedule.c.id == number).values(gone))
    due_since(registered, other, timedelta(minutes=1))
    said = schedules.tick(registered)
    assert len(said) == 2
    broken = next(one for one in read_schedules(registered) if one.id == number)
    assert not broken.enabled
    assert "time_zone must be a name" in broken.last_result


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "x"}, "model must be a registered one"),
        ({"cron": "often"}, "cron must have five fields"),
        ({"time_zone": "Mars"}, "time_zone must be"),
        ({"reason": " "}, "reason must be given"),
        ({"by": ""}, "by must be given"),
        ({"params": {"window_rows": 1}}, "window_rows must be at least 10"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(wrong, said, registered):
    given = {"model": "m", "cron": "@daily", "reason": "why", "by": "ana"} | wrong
    with pytest.raises(ValueError, match=said):
        schedules.add(registered, given.pop("model"), given.pop("cron"), **given)
    assert read_schedules(registered) == ()


def test_what_does_not_exist_cannot_be_switched(registered):
    for act in (schedules.enable, lambda *of: firings.remove(of[0], "trigger", *of[1:])):
        with pytest.raises(ValueError, match="must be the number of one that exists; got 7"):
            act(registered, 7, "ana")

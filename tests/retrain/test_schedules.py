"""Schedules on both databases: any number of workers look, one fires."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from retrain import schedules
from storage import jobs, open_log, strategies
from storage.audit import read_audit
from storage.schema import retrain_schedule
from tests.retrain.conftest import COLUMNS


@pytest.fixture
def log(database_url):
    opened = open_log(database_url)
    opened.register("m", COLUMNS)
    yield opened
    opened.close()


def add(log, cron="*/5 * * * *", **more):
    return schedules.add(log, "m", cron, reason="each night", by="ana", **more).number


def due_since(log, number, ago):
    """Let a schedule be due for some time."""
    with log.engine.begin() as connection:
        at = datetime.now(UTC) - ago
        connection.execute(sa.update(retrain_schedule).where(retrain_schedule.c.id == number).values(next_at=at))


def test_missed_times_become_one_job_and_the_next_time_lies_ahead(log):
    number = add(log, params={"needs_approval": False}, time_zone="Europe/Berlin")
    assert schedules.tick(log) == []
    due_since(log, number, timedelta(days=3))
    (said,) = schedules.tick(log)
    assert said.startswith(f"schedule {number}: ")
    assert said.endswith("UTC: started: job 1")
    assert schedules.tick(log) == []
    job = jobs.job(log, 1)
    assert (job.trigger, job.requested_by, job.reason) == ("schedule", f"schedule {number}", "each night")
    assert job.params == {"needs_approval": False}
    (schedule,) = strategies.schedules(log, "m")
    assert timedelta(0) < schedule.next_at - datetime.now(UTC) <= timedelta(minutes=5)
    assert schedule.last_result.endswith("started: job 1")


def test_many_workers_at_once_start_one_job(log):
    number = add(log)
    due_since(log, number, timedelta(hours=1))
    with ThreadPoolExecutor(8) as pool:
        said = [one for found in pool.map(lambda _: schedules.tick(log), range(8)) for one in found]
    assert len(said) == 1
    assert len(jobs.jobs(log)) == 1


def test_a_schedule_that_meets_a_running_job_says_so_and_waits_for_its_next_time(log):
    jobs.start(log, "m", "by hand", "ben")
    number = add(log)
    due_since(log, number, timedelta(minutes=1))
    (said,) = schedules.tick(log)
    assert said.endswith("already running: job 1, started by ben")
    assert len(jobs.jobs(log)) == 1
    assert schedules.tick(log) == []


def test_a_schedule_that_is_switched_off_does_not_fire_and_does_not_catch_up(log):
    number = add(log)
    strategies.enable(log, "schedule", number, "ben", on=False)
    due_since(log, number, timedelta(days=1))
    assert schedules.tick(log) == []
    schedules.enable(log, number, "ben")
    assert schedules.tick(log) == []
    strategies.remove(log, "schedule", number, "ben")
    assert strategies.schedules(log) == ()
    actions = [entry.action for entry in read_audit(log, "m")]
    assert actions == ["remove schedule", "enable schedule", "disable schedule", "add schedule"]


def test_a_schedule_that_this_machine_cannot_read_is_switched_off_with_the_reason(log):
    number = add(log)
    other = add(log)
    with log.engine.begin() as connection:
        gone = {"time_zone": "Atlantis/Capital", "next_at": datetime.now(UTC) - timedelta(minutes=1)}
        connection.execute(sa.update(retrain_schedule).where(retrain_schedule.c.id == number).values(gone))
    due_since(log, other, timedelta(minutes=1))
    said = schedules.tick(log)
    assert len(said) == 2
    broken = next(one for one in strategies.schedules(log) if one.id == number)
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
def test_a_schedule_that_cannot_be_is_refused(wrong, said, log):
    given = {"model": "m", "cron": "@daily", "reason": "why", "by": "ana"} | wrong
    with pytest.raises(ValueError, match=said):
        schedules.add(log, given.pop("model"), given.pop("cron"), **given)
    assert strategies.schedules(log) == ()


def test_what_does_not_exist_cannot_be_switched(log):
    for act in (schedules.enable, lambda *of: strategies.remove(of[0], "trigger", *of[1:])):
        with pytest.raises(ValueError, match="must be the number of one that exists; got 7"):
            act(log, 7, "ana")

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from retrain.triggers.cron import parse_cron, parse_zone

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def times(expression, start, n, zone=BERLIN):
    """Return the next due times by the wall clock, with their offsets."""
    cron, at, found = parse_cron(expression), datetime.fromisoformat(start).replace(tzinfo=zone), []
    for _ in range(n):
        at = cron.after(at, zone)
        found.append(f"{at.astimezone(zone):%m-%d %H:%M %z}")
    return found


def test_the_five_fields_are_minute_hour_day_month_and_weekday():
    assert times("30 2 * * mon-fri", "2026-11-27 02:30", 2) == ["11-30 02:30 +0100", "12-01 02:30 +0100"]
    assert times("*/20 9-10 * * *", "2026-11-27 09:30", 4)[:3] == [
        "11-27 09:40 +0100",
        "11-27 10:00 +0100",
        "11-27 10:20 +0100",
    ]
    assert times("0 0 29 2 *", "2026-01-01", 1) == ["02-29 00:00 +0100"]
    assert times("5,10 0 1 JAN,jul *", "2026-02-01", 2) == ["07-01 00:05 +0200", "07-01 00:10 +0200"]
    assert times("0 12 * * 7", "2026-11-25", 1) == times("0 12 * * sun", "2026-11-25", 1) == ["11-29 12:00 +0100"]
    assert times("@weekly", "2026-11-25", 1) == ["11-29 00:00 +0100"]
    assert times("0 8/6 * * *", "2026-11-25", 3) == ["11-25 08:00 +0100", "11-25 14:00 +0100", "11-25 20:00 +0100"]


def test_of_a_restricted_day_and_a_restricted_weekday_either_is_enough():
    assert times("0 0 13 * fri", "2026-11-12", 3) == ["11-13 00:00 +0100", "11-20 00:00 +0100", "11-27 00:00 +0100"]
    assert times("0 0 14 * fri", "2026-11-12", 2) == ["11-13 00:00 +0100", "11-14 00:00 +0100"]


def test_a_time_that_the_clock_skips_comes_once_and_as_much_later():
    assert times("30 2 * * *", "2026-03-28 12:00", 3) == [
        "03-29 03:30 +0200",
        "03-30 02:30 +0200",
        "03-31 02:30 +0200",
    ]
    assert times("30 2,3 * * *", "2026-03-28 12:00", 2) == ["03-29 03:30 +0200", "03-30 02:30 +0200"]


def test_a_time_that_the_clock_repeats_comes_once():
    assert times("30 2 * * *", "2026-10-24 12:00", 2) == ["10-25 02:30 +0200", "10-26 02:30 +0100"]


def test_every_hour_means_every_hour_that_passes():
    for day, n in (("2026-03-29", 23), ("2026-10-25", 25)):
        found = times("15 * * * *", day, n)
        assert {text[:5] for text in found} == {day[5:]}
        assert len(set(found)) == n


def test_next_is_the_first_minute_that_matches():
    """The slow way: look at every minute."""
    rng = np.random.default_rng(5)
    for zone in (UTC_ZONE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")):
        for _ in range(15):
            minute, hour, weekday = rng.integers(60), sorted(rng.integers(24, size=2)), rng.integers(7)
            cron = parse_cron(f"{minute} {hour[0]}-{hour[1]} * * {weekday}")
            at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=int(rng.integers(200_000)))
            due = at.replace(second=0)
            while True:
                due += timedelta(minutes=1)
                wall = due.astimezone(zone)
                in_hours = hour[0] <= wall.hour <= hour[1]
                if wall.minute == minute and in_hours and wall.isoweekday() % 7 == weekday:
                    break
            assert cron.after(at, zone) == due


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 3 * *", "cron must have five fields"),
        ("", "cron must have five fields"),
        ("60 * * * *", "minute must be from 0 to 59; got '60'"),
        ("0 24 * * *", "hour must be from 0 to 23"),
        ("0 0 31 2 *", "cron must name a day that comes; got '0 0 31 2"),
        ("5-1 * * * *", "minute must run forward"),
        ("*/0 * * * *", "minute must run forward in steps of at least 1"),
        ("*-5 * * * *", "minute must be \\*, a number"),
        ("0 0 * * mon,, ", "weekday must be"),
        ("0 0 * someday *", "month must be from 1 to 12; got 'someday'"),
        ("0 0 * * 8", "weekday must be from 0 to 7"),
        ("٣ * * * *", "minute must be"),
    ],
)
def test_what_is_no_cron_expression_is_refused_with_the_field(expression, said):
    with pytest.raises(ValueError, match=said):
        parse_cron(expression)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_what_is_no_time_zone_is_refused(name):
    with pytest.raises(ValueError, match="time_zone must be a name such as Europe/Berlin"):
        parse_zone(name)

"""Cron expressions: the five fields of crontab(5), by the wall clock of a time zone.

Written here because the whole is a page, and because what happens when clocks change has to be ours to say: a time that
the clock skips comes as much later as the clock jumps, and a time that it repeats comes once. Only an expression for
every hour follows the hours as they pass, so that the repeated one counts twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6} | {
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?", re.ASCII)
# The rarest time there is: 29 February across a century that is no leap year, on a given weekday at worst.
_MOST_DAYS = 366 * 41


@dataclass(frozen=True)
class Cron:
    """When something is due; read it with `parse_cron`."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """Return the first due instant after another one, in UTC.

        Examples
        --------
        >>> parse_cron("30 2 * * *").after(datetime(2026, 3, 29, tzinfo=UTC), ZoneInfo("Europe/Berlin")).isoformat()
        '2026-03-29T01:30:00+00:00'
        """
        # A day earlier than needed: an instant that was moved across a gap may belong to the wall clock's day before.
        day = instant.astimezone(zone).date() - timedelta(days=1)
        for _ in range(_MOST_DAYS):
            if self._is_due_on(day) and (found := [at for at in self._instants(day, zone) if at > instant]):
                return min(found)
            day += timedelta(days=1)
        raise ValueError(f"cron must name a day that comes; got {self.text!r}.")

    def _is_due_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # As in crontab(5): where both are restricted, either is enough.
        return in_month and in_week if self.any_day or self.any_weekday else in_month or in_week

    def _instants(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        folds = (0, 1) if len(self.hours) == 24 else (0,)
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime.combine(day, time(hour, minute), zone)
                for fold in folds:
                    # A skipped time, read with the offset from before the gap, lands behind it.
                    yield wall.replace(fold=fold if _is_repeated(wall) else 0).astimezone(UTC)


def parse_cron(text: str) -> Cron:
    """Read an expression such as `30 2 * * mon-fri`: minute, hour, day of the month, month, day of the week.

    Raises
    ------
    ValueError
        If it is no cron expression, or names no day that ever comes.
    """
    fields = _NAMED.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        wanted = f"have five fields (minute hour day month weekday) or be one of {', '.join(_NAMED)}"
        raise ValueError(f"cron must {wanted}; got {text!r}.")
    minute, hour, day, month, weekday = fields
    cron = Cron(
        text=text.strip(),
        minutes=tuple(sorted(_field(minute, "minute", 0, 59))),
        hours=tuple(sorted(_field(hour, "hour", 0, 23))),
        days=_field(day, "day", 1, 31),
        months=_field(month, "month", 1, 12, _MONTHS),
        weekdays=frozenset(number % 7 for number in _field(weekday, "weekday", 0, 7, _DAYS)),
        any_day=day.startswith("*"),
        any_weekday=weekday.startswith("*"),
    )
    cron.after(datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
    return cron


def parse_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time_zone must be a name such as Europe/Berlin or UTC; got {name!r}.") from None


def _field(text: str, name: str, low: int, high: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{name} must be *, a number, a range or a step such as */5; got {part!r}.")
        step = int(match["step"] or 1)
        if match["first"] == "*":
            first, last = low, high
            if match["last"]:
                raise ValueError(f"{name} must be *, a number, a range or a step such as */5; got {part!r}.")
        else:
            first = _number(match["first"], name, low, high, names)
            # A single number with a step means from there on.
            open_end = high if match["step"] else first
            last = _number(match["last"], name, low, high, names) if match["last"] else open_end
        if first > last or step < 1:
            raise ValueError(f"{name} must run forward in steps of at least 1; got {part!r}.")
        found |= set(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, name: str, low: int, high: int, names: Mapping[str, int] | None) -> int:
    number = (names or {}).get(text.lower(), int(text) if text.isdecimal() else -1)
    if not low <= number <= high:
        raise ValueError(f"{name} must be from {low} to {high}; got {text!r}.")
    return number


def _is_repeated(wall: datetime) -> bool:
    """Tell whether the clock shows this time twice, the offset being smaller the second time."""
    first, second = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
    return first is not None and second is not None and first > second

"""How a column of times is written is found out once, or asked for in one sentence."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.checking.time_forms import read_times
from storage.checking.times import UnclearTimes, recognise

MOMENT = datetime(2026, 11, 23, 14, 5, 6, 123_000, tzinfo=UTC)
SECOND, DAY = MOMENT.replace(microsecond=0), MOMENT.replace(hour=0, minute=0, second=0, microsecond=0)
MINUTE = MOMENT.replace(second=0, microsecond=0)
WRITTEN = [
    ("2026-11-23T14:05:06Z", SECOND),
    ("2026-11-23 14:05:06.123+00:00", MOMENT),
    ("2026-11-23T16:05:06+0200", SECOND),
    ("2026-11-23T16:05:06+02", SECOND),
    ("20261123T140506Z", SECOND),
    ("2026/11/23 14:05:06", SECOND),
    ("2026-11-23", DAY),
    ("2026-11-23 14:05:06 UTC", SECOND),
    ("2026-11-23 14:05:06.123 UTC", MOMENT),
    ("2026-11-23 14:05:06 GMT", SECOND),
    ("2026-11-23 14:05:06,123", MOMENT),
    ("2026-11-23 02:05:06 PM", SECOND),
    ("2026-11-23T15:05:06+01:00[Europe/Berlin]", SECOND),
    ("2026-11-23 12:05 am", DAY.replace(minute=5)),
    ("23.11.2026 14:05", MINUTE),
    ("23.11.2026", DAY),
    ("23.11.2026, 14:05:06,123", MOMENT),
    ("23/11/2026 14:05:06", SECOND),
    ("11/23/2026 2:05 PM", MINUTE),
    ("11-23-2026 14:05", MINUTE),
    ("23-Nov-2026 14:05:06", SECOND),
    ("Nov 23, 2026 2:05:06 PM", SECOND),
    ("23 November 2026", DAY),
    ("Mon, 23 Nov 2026 14:05:06 GMT", SECOND),
    ("23/Nov/2026:14:05:06 +0000", SECOND),
    ("20261123", DAY),
    ("20261123140506", SECOND),
    ("1795442706", SECOND),
    ("1795442706.123", MOMENT),
    ("1795442706123", MOMENT),
    ("1795442706123000", MOMENT),
    ("1795442706123000000", MOMENT),
    (1795442706, SECOND),
    (1795442706.123, MOMENT),
    (1795442706123, MOMENT),
    (1795442706123000, MOMENT),
    (1795442706123000000, MOMENT),
    (20261123, DAY),
]


@pytest.mark.parametrize(("written", "moment"), WRITTEN, ids=lambda each: repr(each)[:40])
def test_a_time_is_read_as_it_is_written_alone_and_beside_missing_ones(written, moment):
    for values in ([written] * 3, [written, None, written]):
        column = pd.Series(values, dtype=None if isinstance(written, str) else object).infer_objects()
        read = read_times(column, recognise(column, "ts"))
        assert [at.to_pydatetime() for at in pd.to_datetime(read.dropna(), utc=True)] == [moment] * (
            3 - values.count(None)
        )


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["01/02/2026 12:01 AM"], "--time-format day-first or --time-format month-first"),
        (["01-02-2026"], "the day or the month may stand first"),
        (["soon", "later"], "ts must hold times such as 2026-11-23T14:00:00+00:00; got 'soon'"),
        (["01.02.26"], "or a pattern such as '%d.%m.%y %H:%M'"),
        (["2026-01-01 00:00 CET"], "got '2026-01-01 00:00 CET'"),
        ([1, 2, 3], "none of today in seconds, milliseconds, microseconds or nanoseconds since 1970"),
        (["46023.5"], "--time-format s, ms, us or ns"),
        ([], "it is empty in the first rows"),
        ([None], "it is empty in the first rows"),
    ],
)
def test_what_may_mean_two_things_or_none_is_asked_for_in_one_sentence(values, says):
    with pytest.raises(UnclearTimes, match=r"^ts ") as told:
        recognise(pd.Series(values), "ts")
    assert says in str(told.value)


def test_a_day_above_twelve_tells_which_comes_first():
    for values, order in ((["01/02/2026", "13/02/2026"], "dmy"), (["01/02/2026", "02/13/2026"], "mdy")):
        assert recognise(pd.Series(values), "ts").detail == order
    with pytest.raises(UnclearTimes):
        recognise(pd.Series(["13/01/2026", "01/13/2026"]), "ts")


@pytest.mark.parametrize(
    ("value", "asked", "moment"),
    [
        ("01/02/2026", "day-first", datetime(2026, 2, 1, tzinfo=UTC)),
        ("01/02/2026", "month-first", datetime(2026, 1, 2, tzinfo=UTC)),
        ("01.02.26 14:05", "%d.%m.%y %H:%M", datetime(2026, 2, 1, 14, 5, tzinfo=UTC)),
        (86_400, "s", datetime(1970, 1, 2, tzinfo=UTC)),
        (86_400, "ms", datetime(1970, 1, 1, 0, 1, 26, 400_000, tzinfo=UTC)),
        (202_601, "%Y%m", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_format_that_is_given_is_used(value, asked, moment):
    column = pd.Series([value])
    assert read_times(column, recognise(column, "ts", asked)).iloc[0].to_pydatetime() == moment


def test_a_format_that_reads_nothing_or_is_none_is_refused():
    for asked in ("%d.%m.%Y", "ms", "fast"):
        with pytest.raises(UnclearTimes, match="format"):
            recognise(pd.Series(["soon"]), "ts", asked)


def test_what_cannot_be_read_stays_to_be_shown():
    column = pd.Series(["01.02.2026", "soon", None, "31.02.2026"])
    read = read_times(column, recognise(column, "ts"))
    assert read.iloc[1] == "soon"
    assert read.iloc[3] == "31.02.2026"
    assert read.iloc[2] is None or read.iloc[2] != read.iloc[2]


@given(st.integers(5 * 365 * 86_400 * 10**6, 270 * 365 * 86_400 * 10**6), st.sampled_from(["s", "ms", "us", "ns"]))
def test_every_epoch_is_told_by_its_digits(micros, unit):
    per_second = {"s": 1, "ms": 1_000, "us": 10**6, "ns": 10**9}[unit]
    number = micros * per_second // 10**6
    column = pd.Series([number, number], dtype="int64")
    form = recognise(column, "ts")
    assert form.detail == unit
    assert read_times(column, form).iloc[0].value // 1_000 == number * 10**6 // per_second

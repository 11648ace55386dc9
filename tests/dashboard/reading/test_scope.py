"""The address of a page says what it shows."""

from datetime import UTC, datetime

import pytest

from dashboard.reading.addresses import read_span, read_window, window_text
from dashboard.reading.scope import Scope
from dashboard.shown.badges import is_stale, plain
from drift.data.windows import LastRows, TimeSpan, WindowExtent

DAY = TimeSpan(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize("window", [LastRows(500), DAY])
def test_a_window_survives_the_address(window):
    assert read_window(window_text(window)) == window


@pytest.mark.parametrize(
    "text",
    [
        *("", "-5", "0", "yesterday", "2026-11-22/2026-11-23", "2026-11-23T00:00Z/2026-11-22T00:00Z"),
        *("99999999999999999999", "1500-01-01T00:00Z/2026-01-01T00:00Z", "0001-01-01T00:00+14:00/2026-01-01T00:00Z"),
        "2026-01-01T00:00Z/9999-12-31T23:59-14:00",
    ],
)
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match="must"):
        read_window(text)


def test_a_window_may_stand_in_place_of_a_references_name():
    assert read_span(window_text(DAY)) == DAY
    assert [read_span(name) for name in ("training", "previous", None)] == [None, None, None]
    with pytest.raises(ValueError, match="yesterday"):
        read_span("yesterday/today")


def test_a_link_leaves_out_what_is_not_chosen():
    scope = Scope("m", LastRows(500), "500", None, None)
    assert scope.address(column="age") == {"model": "m", "window": "500", "column": "age"}


def test_rows_that_stopped_coming_are_stale():
    extent = WindowExtent(10, DAY.start, DAY.end)
    assert is_stale(extent, DAY.end, datetime(2026, 11, 25, tzinfo=UTC))
    assert not is_stale(extent, DAY.end, datetime(2026, 11, 23, 12, tzinfo=UTC))


def test_text_of_others_cannot_open_a_link_or_a_line():
    assert plain("[a](b)\n# c") == "\\[a\\]\\(b\\) \\# c"

"""Windows by count and by time, and the window before a window."""

from datetime import UTC, datetime, timedelta

import pytest

from drift.data.series import previous, sliding_spans, sliding_windows
from drift.data.windows import LastRows, RowSpan, TimeSpan, utc

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("n_rows", "k"), [(100, 7), (100, 100), (1, 1), (12_345, 20)])
def test_parts_cover_every_row_once(n_rows, k):
    spans = sliding_windows(n_rows, k)
    assert len(spans) == k
    assert [row for span in spans for row in range(span.first, span.last)] == list(range(n_rows))
    sizes = {span.last - span.first for span in spans}
    assert max(sizes) - min(sizes) <= 1


def test_more_parts_than_rows_leave_no_empty_window():
    assert sliding_windows(3, 10) == (RowSpan(0, 1), RowSpan(1, 2), RowSpan(2, 3))


def test_windows_of_a_width_end_at_the_newest_row():
    assert sliding_windows(10, width=4) == (RowSpan(2, 6), RowSpan(6, 10))
    assert sliding_windows(10, 1, width=4, step=1) == (RowSpan(6, 10),)
    assert sliding_windows(10, width=10) == (RowSpan(0, 10),)


@pytest.mark.parametrize("n_rows", [0, 3])
def test_a_log_shorter_than_the_window_has_none(n_rows):
    assert sliding_windows(n_rows, width=4) == ()


@pytest.mark.parametrize("wrong", [{"k": 0}, {"width": 0}, {"width": 5, "step": 0}, {}, {"k": 3, "step": 2}])
def test_windows_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        sliding_windows(10, **wrong)


def test_windows_of_time_end_at_the_end_and_lie_within():
    spans = sliding_spans(START, START + 10 * HOUR, width=4 * HOUR, step=3 * HOUR)
    assert spans == tuple(TimeSpan(START + k * HOUR, START + (k + 4) * HOUR) for k in (0, 3, 6))
    assert sliding_spans(START, START + HOUR, width=2 * HOUR) == ()
    with pytest.raises(ValueError, match="longer than nothing"):
        sliding_spans(START, START + HOUR, width=HOUR, step=timedelta(0))


def test_the_previous_window_is_as_wide_and_touches_this_one():
    assert previous(RowSpan(30, 50), 100) == RowSpan(10, 30)
    assert previous(LastRows(20), 100) == RowSpan(60, 80)
    assert previous(TimeSpan(START, START + HOUR), 100) == TimeSpan(START - HOUR, START)


def test_the_previous_window_is_cut_where_the_log_begins():
    assert previous(RowSpan(5, 50), 100) == RowSpan(0, 5)
    assert previous(RowSpan(0, 50), 100) is None
    assert previous(LastRows(100), 100) is None
    assert previous(LastRows(200), 100) is None


@pytest.mark.parametrize(
    ("build", "must"),
    [
        (lambda: LastRows(0), "n must be at least 1; got 0"),
        (lambda: RowSpan(5, 5), "first < last; got 5 and 5"),
        (lambda: RowSpan(-1, 5), "got -1 and 5"),
        (lambda: TimeSpan(START, START), "start must be before end"),
        (lambda: TimeSpan(datetime(2026, 1, 1), START), "start must carry a time zone"),  # noqa: DTZ001  without a zone, to be refused
        (lambda: utc(datetime(2026, 1, 1)), "instant must carry a time zone"),  # noqa: DTZ001  without a zone, to be refused
    ],
)
def test_a_window_that_cannot_be_is_refused(build, must):
    with pytest.raises(ValueError, match=must):
        build()

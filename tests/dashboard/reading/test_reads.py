"""What the caches read, and when they read again."""

from datetime import timedelta

import pytest

from dashboard.reading import reads
from dashboard.reading.addresses import window_text
from drift.data.windows import TimeSpan
from storage.models.registration import register_version


def test_the_history_ends_at_the_current_window(reviews):
    revision = reads.revision("reviews")
    history = reads.history("reviews", revision, "500", "training")
    current = reads.board("reviews", revision, "500", "training")
    assert history.boards[-1].columns == current.columns
    assert {board.n for board in history.boards} == {500}
    assert 1 < len(history.boards) <= reads.WINDOWS


def test_a_long_log_is_spread_over_the_windows_and_not_cut_off(reviews):
    boards = reads.history("reviews", reads.revision("reviews"), "50", "training").boards
    assert len(boards) == reads.WINDOWS
    first = reviews.extent("reviews", TimeSpan(boards[0].window.start - timedelta(days=900), boards[0].window.start))
    assert first.n < 130  # less than one step is left out


def test_windows_of_time_end_where_the_window_ends(reviews):
    newest = reads.extent("reviews", reads.revision("reviews"), "500")
    span = window_text(TimeSpan(newest.start, newest.end))
    boards = reads.history("reviews", reads.revision("reviews"), span, "training").boards
    assert boards[-1].window.end.isoformat()[:16] == newest.end.isoformat()[:16]
    assert len({board.window.end - board.window.start for board in boards}) == 1


def test_labels_that_come_later_are_seen(reviews):
    before = reads.labelled("reviews", reads.revision("reviews"), "500")
    unlabelled = reads.rows("reviews", reads.revision("reviews"), "500", 0).query("label.isna()")
    reviews.append(
        "reviews", [{"predicted_at": unlabelled["predicted_at"].max(), "prediction": "positive", "request_id": "late"}]
    )
    reviews.label("reviews", ["late"], ["positive"])
    after = reads.labelled("reviews", reads.revision("reviews"), "501")
    assert (after.n_right, after.n) in ((before.n_right + 1, before.n + 1),)


@pytest.mark.parametrize("column", ["length", "channel"])
def test_a_detail_counts_the_rows_of_both_sides(reviews, column):
    detail = reads.detail("reviews", reads.revision("reviews"), "500", "training", column)
    assert (detail.shown.n_reference, detail.shown.n_current) == (1_000, 500)


def test_the_first_window_has_no_window_before_it(reviews):
    revision = reads.revision("reviews")
    assert reads.detail("reviews", revision, "5000", "previous", "length") is None
    assert reads.board("reviews", revision, "5000", "previous").verdict == "insufficient"


def test_the_champion_is_named_once_there_is_one(reviews):
    assert reads.champion("reviews") is None
    register_version(reviews, "reviews", uri=None, sha256=None, created_by="test", champion=True)
    assert reads.champion("reviews") == "v1"


def test_a_window_is_exported_whole(reviews):
    lines = reads.window_csv("reviews", "250").decode().splitlines()
    assert len(lines) == 251
    assert lines[0].startswith("predicted_at,")

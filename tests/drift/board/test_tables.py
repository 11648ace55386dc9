"""Boards and findings as text."""

import numpy as np
import pytest

from drift.board.tables import board_table, replay_table, timeline_table
from drift.data.series import sliding_windows
from drift.data.windows import Column, LastRows
from drift.life.ledger import Honesty, Replay
from drift.monitor.boards import check, timeline
from drift.wording import missing_moved, number_text, p_phrase, p_text, share_text, short, too_few, unseen_found

COLUMNS = (Column("length", "numeric"), Column("channel", "categorical"))


@pytest.fixture
def source(array_source):
    rng = np.random.default_rng(1)
    moved = np.arange(2_000) >= 1_000
    return array_source(
        COLUMNS, {"length": rng.normal(size=2_000) + 2 * moved, "channel": rng.choice(["web", "app"], 2_000)}
    )


def test_a_board_is_a_sentence_and_a_line_per_column_the_worst_first(source):
    lines = board_table(check(source, "m", LastRows(500))).splitlines()
    assert lines[0].startswith("Drift: 1 of 2 features (length moved most")
    assert lines[1].startswith("Investigate: find out why inputs moved. ")
    assert lines[2] == "500 rows, 2026-01-02 01:00 to 2026-01-02 09:19 UTC, against reference 'training'."
    assert lines[3].startswith("A healthy replay of the reference would have alarmed 0 times in 8 lives of 200 rows; ")
    assert lines[5].split()[:3] == ["verdict", "column", "effect"]
    assert [line.split()[:2] for line in lines[6:]] == [["drift", "length"], ["stable", "channel"]]
    assert "0.00  " not in lines[6]  # a p-value is never printed as nothing


def test_a_timeline_is_a_line_per_window_the_oldest_first(source):
    lines = timeline_table(timeline(source, "m", sliding_windows(2_000, 4))).splitlines()
    assert [line.split()[5] for line in lines[1:]] == ["stable", "stable", "drift", "drift"]
    assert "1 of 2" in lines[-1]
    assert "length" in lines[-1]


def test_a_replay_has_a_line_per_column_the_most_alarming_first():
    replay = Replay(n_lives=8, n_rows=2_500, n_alarmed=3, alarms={"age": 0, "wait": 3})
    honesty = Honesty(alpha=0.05, horizon=20_000, n_streams=4, phi={"age": 1.0, "wait": 7.4}, replay=replay)
    lines = replay_table(honesty).splitlines()
    assert "alarmed 3 times in 8 lives of 2,500 rows; phi = 1.0 to 7.4; horizon 20,000 rows; 4 streams" in lines[0]
    assert "The rows of wait are not independent: 7 of them say as much as one" in lines[0]
    assert [line.split() for line in lines[3:]] == [
        ["wait", "7.40", "no", "3", "of", "8"],
        ["age", "1.00", "yes", "0", "of", "8"],
    ]


def test_a_reference_that_is_too_small_for_a_replay_says_so():
    honesty = Honesty(alpha=0.05, horizon=20_000, n_streams=1, phi={"age": 1.0}, replay=None)
    assert replay_table(honesty).startswith("The reference is too small for a replay; phi = 1.0; ")


def test_a_table_of_too_little_data_has_dashes_and_no_nan(source):
    text = board_table(check(source, "m", LastRows(3)))
    assert "nan" not in text
    assert "Not enough data: 3 of 50 rows" in text


@pytest.mark.parametrize("p", [0.0, 1e-320, 5e-301])
def test_a_p_value_that_underflows_is_not_zero(p):
    assert (p_text(p), p_phrase(p)) == ("< 1e-300", "p < 1e-300")


@pytest.mark.parametrize(("share", "text"), [(0, "0 %"), (1e-5, "< 0.1 %"), (0.0996, "10 %"), (1, "100 %")])
def test_shares_are_percentages_that_are_zero_only_where_nothing_is(share, text):
    assert share_text(share) == text


@pytest.mark.parametrize(("value", "text"), [(-12_345.6, "-12,346"), (0.00012, "0.00012"), (np.inf, "inf")])
def test_numbers_are_short(value, text):
    assert number_text(value) == text


def test_names_are_cut_and_cannot_steer_a_terminal():
    assert short("\x1b[2Jx") == "'�[2Jx'"
    assert len(short("x" * 100)) == 42


def test_findings_say_before_and_after():
    assert missing_moved(0.1, 0.5) == "missing values rose from 10 % to 50 % of rows"
    assert missing_moved(0.5, 0.0) == "missing values fell from 50 % to 0 % of rows"
    assert unseen_found(0.2, [("fax", 1_200)]) == "20 % of values are unseen in the reference: 'fax' (1,200 rows)"


def test_too_few_rows_say_what_they_could_have_shown():
    assert too_few(0, 50, 5_000, 0.01, 0) == "Not enough data: 0 of 50 rows."
    assert "KS distance above 0.26" in too_few(40, 50, 5_000, 0.01, 0)
    assert "points of moved traffic" in too_few(40, 50, 5_000, 0.01, 3)

"""Boards under the latched rule: what alarms make of windows, and what people make of alarms."""

from datetime import timedelta

import numpy as np
import pytest

from drift.columns.report import ColumnReport
from drift.data.series import sliding_windows
from drift.data.windows import Column, LastRows, RowSpan
from drift.life.ledger import Rows
from drift.life.rule import RULE
from drift.monitor.boards import PREVIOUS, check, onset, timeline
from drift.monitor.references import prepare
from drift.monitor.watch import acknowledge_stream, replayed, snooze, watch
from tests.drift.array_source import MINUTE, START, ArraySource

COLUMNS = (
    Column("length", "numeric"),
    Column("channel", "categorical"),
    Column("plan", "categorical"),
    Column("price", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
)


def healthy(n, rng):
    return {
        "length": rng.normal(size=n),
        "channel": rng.choice(["web", "app", "shop", "fax", "fair"], n, p=[0.4, 0.3, 0.15, 0.1, 0.05]),
        "plan": rng.choice(["free", "paid"], n),
        "price": np.where(rng.random(n) < 0.03, np.nan, rng.integers(0, 12, n)),
        "prediction": rng.choice(["yes", "no"], n, p=[0.8, 0.2]),
        "score": rng.random(n),
    }


@pytest.fixture
def source(array_source):
    """Rows of which `length` moves for good at row 3,000 and `plan` for 500 rows at row 4,000."""
    rng = np.random.default_rng(1)
    values = healthy(8_000, rng)
    values["length"][3_000:] += 1
    values["plan"][4_000:4_500] = "paid"
    return array_source(COLUMNS, values, {"training": 2_000})


def report(board, column) -> ColumnReport:
    return next(found for found in board.columns if found.column == column)


def verdicts(board):
    return {found.column: found.verdict for found in board.columns if found.verdict != "stable"}


def test_a_window_is_judged_by_the_alarms_before_its_end(source):
    boards = timeline(source, "m", sliding_windows(8_000, width=1_000))
    assert [verdicts(board) for board in boards[:5]] == [
        {},
        {},
        {},
        {"length": "drift"},
        {"length": "drift", "plan": "drift"},
    ]
    assert {board.rule for board in boards} == {"life"}
    newest = boards[-1]
    assert verdicts(newest) == {"length": "drift", "plan": "warning"}  # latched, though the plans are back
    assert report(newest, "plan").reason.startswith("Within chance: ")
    assert "Alarm on 2026-01-03 " in report(newest, "plan").reason
    assert {record.stream for record in newest.alarms} == {"length", "plan"}


def test_a_board_says_since_when_and_what_came_first(source):
    board = check(source, "m", RowSpan(3_900, 4_600))
    assert ", begun about 2026-01-03 0" in board.sentence
    assert ", length first" in board.sentence
    record = report(board, "length").alarm
    assert record.alarm.bet == "values moved up by 1 sd"
    assert abs(record.onset_at - (START + 3_000 * MINUTE)) < timedelta(hours=1)
    assert "a healthy column gets this high at most once per " in report(board, "length").reason
    since, sentence = onset(timeline(source, "m", sliding_windows(4_600, width=600)))
    assert since == record.onset_at
    assert "length moved first" in sentence


def test_a_small_p_value_is_a_number_and_no_badge(array_source):
    rng = np.random.default_rng(2)
    source = array_source([Column("x", "numeric")], {"x": rng.normal(size=6_000)}, {"training": 1_000})
    boards = timeline(source, "m", sliding_windows(6_000, width=200, step=20))
    smallest = min((board.columns[0] for board in boards), key=lambda found: found.p_value)
    assert smallest.p_value < 0.01
    assert {board.verdict for board in boards} == {"stable"}
    assert smallest.reason.startswith("No alarm, though few looks show so much: KS distance ")


def test_other_comparisons_keep_the_rule_of_one_look(source):
    board = check(source, "m", RowSpan(3_000, 3_500), PREVIOUS)
    assert (board.rule, board.verdict, board.honesty, board.alarms) == ("one look", "drift", None, ())
    assert report(board, "length").alarm is None


def test_inside_the_reference_nothing_can_alarm(array_source):
    rng = np.random.default_rng(3)
    values = {"x": np.linspace(0, 9, 3_000) + rng.normal(size=3_000)}
    board = check(array_source([Column("x", "numeric")], values, {"training": 2_000}), "m", RowSpan(0, 500))
    assert (board.verdict, board.rule) == ("stable", "life")
    assert board.columns[0].p_value < 1e-9


def test_before_the_first_full_bucket_there_is_too_little_data(array_source):
    values = {"x": np.concatenate([np.zeros(500), np.ones(99)]) + np.random.default_rng(4).normal(size=599)}
    source = array_source([Column("x", "numeric")], values)
    board = check(source, "m", RowSpan(500, 599))
    assert (board.verdict, board.n) == ("insufficient", 99)
    assert board.columns[0].reason.startswith("Not enough data: fewer than 100 rows since the reference.")


def test_a_stored_look_is_not_read_again(source):
    check(source, "m", LastRows(500))
    before = dict(source.n_reads)
    stream = source.stream("m", "training")
    stream.rows_after = None  # whoever calls it fails
    check(source, "m", LastRows(500))
    assert source.n_reads == {"window": before["window"] + 1, "reference": before["reference"]}


def test_a_changed_constant_alarms(array_source):
    values = {"x": [5.0] * 1_000 + [6.0] * 300, "c": ["a"] * 1_000 + ["b"] * 300, "same": [1.0] * 1_300}
    columns = [Column("x", "numeric"), Column("c", "categorical"), Column("same", "numeric")]
    board = check(array_source(columns, values), "m", LastRows(200))
    assert {found.column: (found.verdict, found.test) for found in board.columns} == {
        "x": ("drift", "constant"),
        "c": ("drift", "constant"),
        "same": ("stable", "constant"),
    }
    assert report(board, "x").reason.startswith("Constant changed '5' -> '6'. ")


def test_missing_values_alarm_in_the_cells_of_their_column(array_source):
    rng = np.random.default_rng(5)
    values = rng.normal(size=3_000)
    values[2_000:][rng.random(1_000) < 0.15] = np.nan
    found = check(
        array_source([Column("x", "numeric")], {"x": values}, {"training": 1_000}), "m", LastRows(800)
    ).columns[0]
    assert (found.verdict, found.value_verdict, found.missing_verdict) == ("drift", "stable", "drift")
    assert found.alarm.alarm.bet.startswith("missing values more often")


def test_a_column_that_cannot_be_read_goes_on_later(source):
    rows_after = source.stream("m", "training").rows_after
    source.stream("m", "training").rows_after = lambda row_id, n, columns: broken(rows_after(row_id, n, columns))

    def broken(rows: Rows) -> Rows:
        return Rows(rows.ids, rows.micros, {**rows.samples, "length": OSError("the page is gone")})

    kept = watch(source, "m", prepare(source, "m", "training", COLUMNS), COLUMNS).kept
    assert set(kept.progress) == {column.name for column in COLUMNS} - {"length"}
    source.stream("m", "training").rows_after = rows_after
    after = watch(source, "m", prepare(source, "m", "training", COLUMNS), COLUMNS).kept
    assert after.progress["length"].position == 6_000
    assert after.open_alarm("length") is not None


def test_without_a_place_to_store_the_answer_is_the_same(source):
    source.ledger("m", "training").writable = False
    unstored = check(source, "m", LastRows(1_000))
    source.ledger("m", "training").writable = True
    assert check(source, "m", LastRows(1_000)) == unstored


def test_an_acknowledged_alarm_is_over_now_and_stays_in_the_windows_before(source):
    check(source, "m", LastRows(1_000))
    record = acknowledge_stream(source, "m", "training", "plan", by="ana", note="a sale", kind="false alarm")
    assert record.acknowledged.by == "ana"
    now = check(source, "m", LastRows(1_000))
    assert verdicts(now) == {"length": "drift"}
    assert "The alarm of 2026-01-03 20:19 UTC was called a false alarm by ana: a sale." in report(now, "plan").reason
    assert report(check(source, "m", RowSpan(4_000, 5_000)), "plan").verdict == "drift"
    assert report(now, "plan").betting_score == 0.0


def test_a_snoozed_alarm_is_amber_until_then(source):
    check(source, "m", LastRows(1_000))
    snooze(source, "m", "training", "length", START + 7_500 * MINUTE, by="ana")
    assert report(check(source, "m", RowSpan(6_000, 7_000)), "length").verdict == "warning"
    assert (
        "Amber until 2026-01-06 05:00 UTC, said ana."
        in report(check(source, "m", RowSpan(6_000, 7_000)), "length").reason
    )
    assert report(check(source, "m", LastRows(400)), "length").verdict == "drift"


@pytest.mark.parametrize(
    ("answer", "must"),
    [
        (
            lambda s: acknowledge_stream(s, "m", "training", "score", by="ana"),
            r"column must have an alarm.*\(length, plan\)",
        ),
        (lambda s: acknowledge_stream(s, "m", "training", "plan", by=" "), "by must name the person"),
        (
            lambda s: snooze(s, "m", "training", "plan", START.replace(tzinfo=None), by="ana"),
            "until must carry a time zone",
        ),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(source, answer, must):
    check(source, "m", LastRows(1_000))
    with pytest.raises(ValueError, match=must):
        answer(source)


def test_the_chance_is_shared_by_all_columns_and_the_labels_to_come(source, array_source):
    honesty = check(source, "m", LastRows(500)).honesty
    assert (honesty.n_streams, honesty.horizon, honesty.alpha) == (6, 20_000, 0.05)
    assert set(honesty.phi) == {column.name for column in COLUMNS}
    labelled = array_source(
        [*COLUMNS, Column("label", "categorical", "label")],
        healthy(3_000, np.random.default_rng(6)) | {"label": ["a"] * 3_000},
    )
    assert check(labelled, "m", LastRows(500)).honesty.n_streams == 8


def test_a_replay_of_the_reference_is_asked_for_anew(source):
    honesty = replayed(source, "m", "training", n_lives=3, most_rows=1_000)
    assert (honesty.replay.n_lives, honesty.replay.n_rows, honesty.replay.n_alarmed) == (3, 500, 0)


@pytest.mark.slow
def test_a_whole_healthy_board_seldom_alarms_in_its_life():
    rng = np.random.default_rng(7)
    n_lives, n_alarmed = 60, 0
    for _ in range(n_lives):
        source = ArraySource(COLUMNS, healthy(1_000 + RULE.horizon, rng), {"training": 1_000})
        n_alarmed += bool(watch(source, "m", prepare(source, "m", "training", COLUMNS), COLUMNS).kept.alarms)
    # At most 5 % of lives; of 60, at most 3 + 3 standard errors.
    assert n_alarmed <= 3 + 3 * np.sqrt(60 * 0.05 * 0.95)

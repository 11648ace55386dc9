"""Checks of a whole model: windows, references, isolation of broken columns, and since when a drift lasts."""

import json
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from drift.board.result import board_json
from drift.data.policy import DriftPolicy
from drift.data.series import sliding_spans, sliding_windows
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan
from drift.monitor.boards import PREVIOUS, begun_after, check, onset, timeline
from drift.monitor.references import prepare
from tests.drift.array_source import START

COLUMNS = (
    Column("length", "numeric"),
    Column("channel", "categorical"),
    Column("price", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)


def rows(n=2_000, drift_from=1_500, seed=1):
    """Return columns whose length and prediction move at row `drift_from`."""
    rng = np.random.default_rng(seed)
    after = np.arange(n) >= drift_from
    return {
        "length": rng.normal(size=n) + after,
        "channel": rng.choice(["web", "app", "shop"], n),
        "price": rng.gamma(2, size=n),
        "prediction": np.where(rng.random(n) < np.where(after, 0.8, 0.5), "positive", "negative"),
        "score": rng.random(n),
        "label": np.where(after, "positive", "negative"),
    }


@pytest.fixture
def source(array_source):
    return array_source(COLUMNS, rows())


def verdicts(board):
    return {report.column: report.verdict for report in board.columns}


def test_a_window_is_compared_with_the_first_frozen_reference(source):
    board = check(source, "m", LastRows(400))
    assert (board.model, board.reference, board.n, board.verdict) == ("m", "training", 400, "drift")
    assert verdicts(board) == {
        "length": "drift",
        "prediction": "drift",
        "channel": "stable",
        "price": "stable",
        "score": "stable",
    }
    length = source.samples["length"].values
    distance = stats.ks_2samp(length[:500], length[-400:], method="asymp").statistic
    moved_most = f"length moved most, KS distance {distance:.2f}"
    begun = "begun about 2026-01-02 01:00 UTC"
    assert board.sentence == f"Drift: prediction and 1 of 3 features ({moved_most}), {begun}."
    assert (board.window.start, board.window.end) == (
        START + timedelta(minutes=1_600),
        START + timedelta(minutes=1_999, microseconds=1),
    )


def test_the_board_holds_the_numbers_of_the_tests(source):
    found = next(report for report in check(source, "m", LastRows(400)).columns if report.column == "price")
    price = source.samples["price"].values
    expected = stats.ks_2samp(price[:500], price[-400:], method="asymp")
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)
    assert found.log10_p == pytest.approx(np.log10(expected.pvalue))


def test_true_labels_are_not_compared(source):
    # They come late: the newest window would always look as if they had gone missing.
    assert "label" not in verdicts(check(source, "m", LastRows(400)))


def test_a_window_before_the_drift_is_stable(source):
    board = check(source, "m", RowSpan(600, 1_000))
    assert (board.verdict, board.sentence) == ("stable", "Stable: none of 5 columns moved beyond chance.")


def test_a_window_of_time_holds_the_rows_of_that_time(source):
    by_time = check(source, "m", TimeSpan(START + timedelta(minutes=1_600), START + timedelta(minutes=2_000)))
    assert by_time.columns == check(source, "m", LastRows(400)).columns


def test_the_previous_window_sees_the_change_and_then_gets_used_to_it(source):
    sudden = check(source, "m", RowSpan(1_500, 1_750), PREVIOUS)
    used = check(source, "m", RowSpan(1_750, 2_000), PREVIOUS)
    assert (sudden.reference, sudden.verdict, used.verdict) == (PREVIOUS, "drift", "stable")
    assert check(source, "m", RowSpan(1_750, 2_000)).verdict == "drift"  # the frozen reference goes on seeing it


def test_the_first_window_has_no_previous_one(source):
    board = check(source, "m", RowSpan(0, 500), PREVIOUS)
    assert (board.verdict, board.sentence) == ("insufficient", "Not enough data: no rows come before this window.")


def test_a_model_without_a_reference_says_so(array_source):
    board = check(array_source(COLUMNS, rows(), {}), "m", LastRows(400))
    assert (board.verdict, board.sentence) == ("insufficient", "Not enough data: no reference is frozen yet.")


@pytest.mark.parametrize("n", [1, 49])
def test_too_few_rows_are_too_little_data(source, n):
    board = check(source, "m", LastRows(n))
    assert (board.verdict, board.sentence) == ("insufficient", f"Not enough data: {n} of 50 rows.")


def test_an_empty_window_is_too_little_data(source):
    board = check(source, "m", TimeSpan(START - timedelta(days=2), START - timedelta(days=1)))
    assert (board.n, board.verdict, board.window.start) == (0, "insufficient", START - timedelta(days=2))
    board = check(source, "m", RowSpan(3_000, 3_500))
    assert (board.n, board.verdict, board.window.start) == (0, "insufficient", None)


@pytest.mark.parametrize("reference", ["training", PREVIOUS, "prepared"])
def test_a_column_that_cannot_be_read_leaves_its_neighbours_alone(source, reference):
    if reference == "prepared":
        reference = prepare(source, "m", "training", [column for column in COLUMNS if column.role != "label"])
    whole = check(source, "m", RowSpan(1_300, 1_700), reference)
    source.broken["price"] = OSError("the page is damaged")
    board = check(source, "m", RowSpan(1_300, 1_700), reference)
    assert verdicts(board) == verdicts(whole) | {"price": "error"}
    broken = next(report for report in board.columns if report.column == "price")
    assert broken.reason == "Could not be computed: the page is damaged"
    assert "1 column could not be checked (price)" in board.sentence


def test_a_reference_that_could_not_be_read_in_full_is_read_again(source):
    source.broken["price"] = OSError("the page is damaged")
    assert verdicts(check(source, "m", LastRows(400)))["price"] == "error"
    source.broken.clear()
    assert verdicts(check(source, "m", LastRows(400)))["price"] == "stable"


def test_a_source_of_which_nothing_can_be_read_raises(source):
    ready = prepare(source, "m", "training", COLUMNS)
    source.broken = {column.name: OSError("the disk is gone") for column in COLUMNS}
    with pytest.raises(OSError, match="the disk is gone"):
        check(source, "m", LastRows(400), ready)


@pytest.mark.parametrize(("model", "reference", "must"), [("x", None, "model must"), ("m", "x", "reference must")])
def test_an_unknown_model_or_reference_is_refused(source, model, reference, must):
    with pytest.raises(ValueError, match=must):
        check(source, model, LastRows(400), reference)


def test_a_frozen_reference_is_read_once_for_a_whole_timeline(source):
    boards = timeline(source, "m", sliding_windows(2_000, 8))
    # Once to be sorted, and once in time order, to see how alike its neighbours are.
    assert source.n_reads == {"window": 8, "reference": 2}
    timeline(source, "m", sliding_windows(2_000, 8))
    assert source.n_reads == {"window": 16, "reference": 2}
    assert [board.verdict for board in boards] == [*["stable"] * 6, "drift", "drift"]
    assert [board.n for board in boards] == [250] * 8


def test_the_onset_is_the_start_of_the_unbroken_run_of_drift(source):
    boards = timeline(source, "m", sliding_windows(2_000, 8))
    since, sentence = onset(boards)
    assert since == START + timedelta(minutes=1_500)
    assert sentence.startswith("Drift since 2026-01-02 01:00 UTC, 2 windows running: prediction and 1 of 3 features")
    assert onset(boards[:6]) is None
    assert onset([]) is None


def test_too_little_data_neither_ends_a_drift_nor_counts_for_it(source):
    drifting, empty = check(source, "m", LastRows(400)), check(source, "m", LastRows(10))
    assert "windows running" not in onset([drifting, empty])[1]
    assert "2 windows running" in onset([drifting, empty, drifting])[1]
    assert onset([empty]) is None


def test_windows_of_time_slide_over_the_log(source):
    spans = sliding_spans(START, START + timedelta(minutes=2_000), width=timedelta(hours=5), step=timedelta(hours=2))
    boards = timeline(source, "m", spans)
    assert {board.n for board in boards} == {300}
    assert [board.verdict == "drift" for board in boards] == sorted(board.verdict == "drift" for board in boards)


def test_the_policy_decides_what_matters(source):
    strict, lax = DriftPolicy(alpha=0.01, min_effect=0.01), DriftPolicy(alpha=0.01, min_effect=0.9)
    assert check(source, "m", LastRows(400), policy=strict).verdict == "drift"
    assert check(source, "m", LastRows(400), policy=lax).verdict == "warning"
    assert check(source, "m", LastRows(400), policy=DriftPolicy(min_sample=401)).verdict == "insufficient"


def test_a_board_is_json_without_nan(source):
    ready = prepare(source, "m", "training", [column for column in COLUMNS if column.role != "label"])
    source.broken["price"] = OSError("gone")
    said = json.loads(json.dumps(board_json(check(source, "m", LastRows(400), ready)), allow_nan=False))
    assert list(said)[:6] == ["model", "verdict", "sentence", "n", "window", "columns"]
    assert {"rule", "honesty", "alarms"} <= set(said)
    assert [alarm["column"] for alarm in said["alarms"]] == ["length", "prediction"]
    assert said["alarms"][0]["onset_at"] == "2026-01-02T01:00:00+00:00"
    assert said["window"] == {"start": "2026-01-02T02:40:00+00:00", "end": "2026-01-02T09:19:00.000001+00:00"}
    names = "column kind test n statistic p_value log10_p adjusted_p_value effect_size missing_share unseen_share"
    assert {*names.split(), "betting_score", "verdict", "reason", "alarm"} <= set(said["columns"][0])
    broken = next(column for column in said["columns"] if column["column"] == "price")
    assert (broken["verdict"], broken["p_value"]) == ("error", None)


def test_a_healthy_model_seldom_alarms(array_source):
    boards = [
        board
        for seed in range(25)
        for board in timeline(
            array_source(COLUMNS, rows(3_000, drift_from=3_000, seed=seed), {"training": 1_003}),
            "m",
            [RowSpan(first, first + 499) for first in (1_003, 1_502, 2_001, 2_500)],
        )
    ]
    # Adjusted over the columns, alpha is the chance that any of them alarms: 1 of 100 looks, 4 at most.
    assert sum(board.verdict != "stable" for board in boards) <= 4


def test_a_drift_begins_where_its_alarms_say(array_source):
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(size=1_500), rng.normal(3, 1, size=500)])
    source = array_source([Column("x", "numeric")], {"x": values})
    boards = timeline(source, "m", sliding_windows(2_000, width=400, step=200))
    found = onset(boards)
    assert found is not None
    assert found[0] == START + timedelta(minutes=1_500)
    first = next(board for board in boards if board.verdict == "drift")
    assert first.window.start < found[0] < first.window.end


def test_without_alarms_a_drift_begins_where_the_last_healthy_window_ended(array_source):
    rng = np.random.default_rng(5)
    source = array_source(
        [Column("x", "numeric")], {"x": np.concatenate([rng.normal(size=600), rng.normal(3, 1, 250)])}
    )
    boards = timeline(source, "m", sliding_windows(850, width=250, step=50), PREVIOUS)
    since, sentence = onset([board for board in boards if board.window.end <= boards[-1].window.end])
    healthy = [board for board in boards if board.verdict == "stable"]
    assert since == healthy[-1].window.end
    assert "windows running" in sentence


def test_boards_before_the_end_of_a_reference_can_be_left_out(source):
    boards = timeline(source, "m", sliding_windows(2_000, width=100))
    end = START + timedelta(minutes=500)
    assert begun_after(boards, end) == list(boards[5:])
    assert begun_after(boards, None) == list(boards)


def test_a_strong_rhythm_is_grey_with_what_could_be_told_and_never_green(array_source):
    rng = np.random.default_rng(5)
    n = 14_000
    rhythm = np.sin(np.arange(n) * 2 * np.pi / 2_000) + rng.normal(size=n)
    source = array_source(
        (Column("tide", "numeric"), Column("steady", "numeric")),
        {"tide": rhythm, "steady": rng.normal(size=n)},
        {"training": 12_000},
    )
    board = check(source, "m", LastRows(1_000), "training")
    reports = {report.column: report for report in board.columns}
    assert (reports["tide"].verdict, reports["steady"].verdict) == ("insufficient", "stable")
    assert "independent ones: " in reports["tide"].reason
    assert "rows would do" in reports["tide"].reason or "freeze a longer one" in reports["tide"].reason


@pytest.mark.parametrize(("role", "verdict"), [("prediction", "drift"), ("feature", "warning")])
def test_a_rare_class_is_told_by_its_rate_before_and_now(role, verdict, array_source):
    rng = np.random.default_rng(6)
    n, change = 12_000, 8_000
    fraud = rng.random(n) < np.where(np.arange(n) < change, 0.002, 0.03)
    columns = (Column("answer", "categorical", role),)
    source = array_source(columns, {"answer": np.where(fraud, "yes", "no")}, {"training": 5_000})
    board = check(source, "m", LastRows(1_000), "training")
    (report,) = board.columns
    assert (report.verdict, report.value_verdict, report.missing_verdict) == (verdict, verdict, "stable")
    assert report.reason.startswith(("'yes' ", "Small but beyond chance: 'yes' "))
    assert " times as often: 0.2 % -> " in report.reason
    assert "missing" not in report.reason
    assert "'yes' " in board.sentence

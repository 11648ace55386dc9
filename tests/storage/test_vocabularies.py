"""Labels and predictions that do not speak the same words: said at every way in, and nothing is learnt from them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drift.board.result import board_json
from drift.board.tables import board_table
from drift.data.policy import DriftPolicy
from drift.data.windows import Column, LastRows
from drift.monitor.performance import check_performance
from retrain.guards import guarded_board, strange_names
from storage import open_log
from storage.__main__ import main

CASE = Path(__file__).parent / "cases" / "labels_renamed.csv"
SAID = "labels use names that no prediction has: 'pos', 'neg' (300 of 300)"
START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def log(sqlite_url, monkeypatch):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    log = open_log(sqlite_url)
    yield log
    log.close()


def bring(*options, file=CASE, code=0):
    fixed = ["import", str(file), "--model", "m", "--time", "ts", "--prediction", "prediction", "--label", "label"]
    assert main([*fixed, *options]) == code


def look(log, n):
    return guarded_board(log, check_performance(log, "m", LastRows(n), None, DriftPolicy()), datetime.now(UTC))


def test_renamed_classes_are_a_fault_of_the_feed_and_no_loss_of_accuracy(log, capsys):
    bring("--reference-rows", "500")
    assert "labels use names that no prediction has: 'neg', 'pos'" in capsys.readouterr().out
    board = look(log, 300)
    assert board.sentence == f"Warning: {SAID}."
    assert board.advice.title == "Repair the feed of the labels"
    assert (board.advice.action, board.advice.starts_retrain) == ("investigate", False)
    assert board.performance.now.n == 0
    assert board_json(board)["performance"]["accuracy"] is None
    assert board_json(board)["performance"]["vocabulary"]["strange"] == {"pos": 155, "neg": 145}
    told = board_table(board)
    assert f"Accuracy is unknown: {SAID}." in told
    assert "0.0%" not in told


@pytest.mark.parametrize("n", [320, 400, 700, 1_000])
def test_a_window_of_both_vocabularies_asks_for_no_retrain(log, n):
    bring("--reference-rows", "500")
    advice = look(log, n).advice
    assert (advice.title, advice.starts_retrain) == ("Repair the feed of the labels", False)


def test_no_job_learns_from_names_that_no_prediction_has(log):
    bring("--reference-rows", "500")
    assert "'pos', 'neg' (300 of 500). Repair the feed of the labels first" in strange_names(log, "m")


def test_a_mapping_makes_one_vocabulary_of_two_and_stays_with_the_model(log, capsys):
    bring("--classes", "pos=positive,neg=negative", "--reference-rows", "500")
    assert "no prediction has" not in capsys.readouterr().out
    board = look(log, 300)
    assert (board.verdict, board.performance.now.n, round(board.performance.now.share, 2)) == ("stable", 300, 0.96)
    row = {"predicted_at": START, "prediction": "pos", "label": "neg", "request_id": "late"}
    log.append("m", [row])
    log.label("m", ["late"], ["pos"])
    newest = log.read_rows("m", LastRows(1_001)).query("request_id == 'late'").iloc[0]
    assert (newest["prediction"], newest["label"]) == ("positive", "positive")
    with pytest.raises(ValueError, match="class 'pos' of label must stay 'positive' in model 'm'; got 'negative'"):
        log.register("m", log.columns("m"), {"label": _with(log, (("pos", "negative"),))})


def _with(log, classes):
    from dataclasses import replace

    return replace(log.readings("m")["label"], classes=classes)


def test_a_mapping_may_come_later_and_every_other_process_hears_of_it(log, sqlite_url):
    log.register("m", [Column("prediction", "categorical", "prediction"), Column("label", "categorical", "label")])
    log.append("m", [{"predicted_at": START, "prediction": "granted", "request_id": "a"}])
    other = open_log(sqlite_url)
    other.register("m", log.columns("m"), {"label": _with(log, (("1", "granted"),))})
    other.close()
    assert log.label("m", ["a"], [1.0]).strange_labels == ()
    assert log.read_rows("m")["label"].tolist() == ["granted"]


def test_numbers_can_stand_for_classes(log, tmp_path):
    file = tmp_path / "loans.csv"
    lines = [
        f"{START + timedelta(minutes=k)},{k % 7},{('granted', 'refused')[k % 2]},{1.0 - k % 2}" for k in range(200)
    ]
    file.write_text("\n".join(["ts,x,prediction,label", *lines]))
    bring("--classes", "1=granted,0=refused", "--reference-rows", "100", file=file)
    assert look(log, 100).performance.now.share == 1


def test_labels_that_no_prediction_has_are_told_when_they_come(log):
    log.register("m", [Column("prediction", "categorical", "prediction"), Column("label", "categorical", "label")])
    rows = [{"predicted_at": START + timedelta(minutes=k), "prediction": "yes", "request_id": str(k)} for k in range(9)]
    assert log.append("m", [*rows[:4], {**rows[4], "label": "y"}]).strange_labels == ("y",)
    assert log.append("m", [{**rows[5], "label": "yes"}]).strange_labels == ()
    assert log.label("m", ["1", "2"], ["no", "yes"]).strange_labels == ("no",)


def test_no_accuracy_is_told_where_the_reference_shares_nothing_either(log, tmp_path):
    file = tmp_path / "loans.csv"
    lines = [f"{START + timedelta(minutes=k)},{k % 7},{'ab'[k % 2]},{'xy'[k % 2]}" for k in range(400)]
    file.write_text("\n".join(["ts,x,prediction,label", *lines]))
    bring("--reference-rows", "200", file=file)
    board = look(log, 200)
    assert (board.performance.now.n, board.performance.reference.n) == (0, 0)
    assert "labels use names that no prediction has: 'x', 'y' (200 of 200)" in board.sentence


def test_a_label_that_is_never_predicted_is_named_where_others_are_shared(log, tmp_path):
    file = tmp_path / "loans.csv"
    lines = [f"{START + timedelta(minutes=k)},{k % 7},yes,{'no' if k % 20 == 0 else 'yes'}" for k in range(400)]
    file.write_text("\n".join(["ts,x,prediction,label", *lines]))
    bring("--reference-rows", "200", file=file)
    board = look(log, 200)
    assert "Label is never predicted: 'no'." in board_table(board)
    assert round(board.performance.now.share, 2) == 0.95

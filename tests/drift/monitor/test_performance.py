"""Labels on a real log: accuracy, expected accuracy, label and concept drift, and what the board makes of them."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from drift.board.result import board_json
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalSample, NumericSample
from drift.data.windows import Column, LastRows, RowSpan
from drift.monitor.boards import check
from drift.monitor.labels import acknowledge, known_reference, outcome_columns, outcome_samples
from drift.monitor.performance import check_performance, judged, performance_report
from drift.performance.concept import ACCURACY
from drift.performance.report import performance_lines
from storage import open_log
from storage.evidence.ledger import mark_labels_stale

START = datetime(2026, 9, 1, tzinfo=UTC)
POLICY = DriftPolicy()
COLUMNS = (
    Column("x", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
N, N_REFERENCE, CHANGE = 5_000, 1_500, 3_500


def rows(seed, *, slope=2.0, mean=0.0, change=CHANGE, labelled=0.6, n=N):
    """Return rows a minute apart of a model that believes in a slope of 2; after the change it may be another."""
    rng = np.random.default_rng(seed)
    later = np.arange(n) >= change
    x = rng.normal(np.where(later, mean, 0.0), 1)
    score = 1 / (1 + np.exp(-2 * x))
    label = rng.random(n) < 1 / (1 + np.exp(-np.where(later, slope, 2.0) * x))
    times = pd.date_range(START, periods=n, freq="min")
    came = times + pd.to_timedelta(rng.exponential(60, n), unit="min")
    known = rng.random(n) < labelled
    names = np.array(["no", "yes"])
    return pd.DataFrame(
        {
            "predicted_at": times,
            "request_id": [f"r{k}" for k in range(n)],
            "x": x,
            "prediction": names[(score >= 0.5).astype(int)],
            "score": score,
            "label": pd.Series(names[label.astype(int)], dtype=object).where(known, None),
            "labelled_at": pd.Series(came).where(known, pd.NaT),
        }
    )


@pytest.fixture
def opened(sqlite_url):
    """Return a function that opens a log of rows with a reference on the first of them."""
    logs = []

    def build(frame):
        log = open_log(sqlite_url)
        logs.append(log)
        log.register("m", COLUMNS)
        log.append("m", frame)
        log.freeze_reference("m", "training", rows=N_REFERENCE)
        return log

    yield build
    for log in logs:
        log.close()


def test_a_healthy_model_is_as_good_as_expected_and_nothing_is_called_drift(opened):
    frame = rows(1)
    log = opened(frame)
    board = check_performance(log, "m", LastRows(1_000), None, POLICY)
    found = board.performance
    newest = frame.tail(1_000)
    known = newest["label"].notna()
    assert found.now.n == known.sum()
    assert found.now.share == pytest.approx((newest["prediction"] == newest["label"])[known].mean())
    assert found.now.coverage == pytest.approx(known.mean())
    low, high = found.expected_labelled.interval
    assert low <= found.now.share <= high
    assert found.expected.n == 1_000
    assert (found.concept.verdict, found.label.verdict, board.verdict) == ("stable", "stable", "stable")
    delays = (newest["labelled_at"] - newest["predicted_at"])[known]
    assert abs(found.delay.median - delays.median()) < timedelta(seconds=1)
    # Only whole buckets of 100 labels are watched.
    assert found.concept.n == frame["label"].notna()[N_REFERENCE:].sum() // 100 * 100


def test_a_changed_relation_is_red_though_no_input_moved(opened):
    log = opened(rows(2, slope=-0.5))
    board = check_performance(log, "m", LastRows(1_000), None, POLICY)
    concept = board.performance.concept
    assert {report.verdict for report in board.columns if report.column == "x"} == {"stable"}
    assert (board.verdict, concept.verdict, concept.cause) == ("drift", "drift", "relation")
    assert board.sentence.startswith("Concept drift: accuracy fell since about ")
    assert "so what the inputs mean has changed" in board.sentence
    assert board.performance.gap_is_evidence
    change = START + timedelta(minutes=CHANGE)
    assert abs(concept.since - change) < timedelta(hours=12)
    assert concept.alarm.bet.startswith("wrong predictions")


def test_harder_inputs_cost_accuracy_as_the_scores_expected(opened):
    # The model is sure of large values only: now there are few of them.
    frame = rows(3, n=6_000, change=N)
    hard = np.arange(6_000) >= CHANGE
    frame = frame[~(hard & (frame["x"].abs() > 0.7))].reset_index(drop=True)
    log = opened(frame)
    board = check_performance(log, "m", LastRows(800), None, POLICY)
    found = board.performance
    assert (found.concept.verdict, found.concept.cause) == ("drift", "inputs")
    assert board.sentence.startswith("Accuracy fell since about ")
    assert "inputs moved to where the model is weaker" in board.sentence
    assert not found.gap_is_evidence


def test_a_better_model_is_no_concept_drift(opened):
    log = opened(rows(4, slope=20.0))
    found = check_performance(log, "m", LastRows(1_000), None, POLICY).performance
    assert found.now.share > found.reference.share + 0.05
    assert found.concept.verdict == "stable"


def test_windows_before_the_alarm_stay_green(opened):
    log = opened(rows(5, slope=-0.5))
    assert check_performance(log, "m", LastRows(500), None, POLICY).verdict == "drift"
    before = check_performance(log, "m", RowSpan(CHANGE - 1_000, CHANGE - 200), None, POLICY)
    assert before.performance.concept.verdict == "stable"
    inside = check_performance(log, "m", RowSpan(0, 1_000), None, POLICY)
    assert inside.performance.concept.verdict == "insufficient"
    assert "does not come after the reference" in inside.performance.concept.said


def test_without_labels_nothing_is_green_and_the_expected_accuracy_has_its_condition(opened):
    frame = rows(6)
    frame.loc[N_REFERENCE:, ["label", "labelled_at"]] = [None, pd.NaT]
    log = opened(frame)
    found = check_performance(log, "m", LastRows(1_000), None, POLICY).performance
    assert found.now.n == 0
    assert found.concept.verdict == "insufficient"
    assert found.expected.accuracy > 0.6
    assert "if the relation input -> label is unchanged" in found.expected_said
    assert any("if the relation" in line for line in performance_lines(found))


def test_label_drift_is_told_from_true_classes(opened):
    log = opened(rows(7, mean=1.0))
    found = check_performance(log, "m", LastRows(1_000), None, POLICY).performance
    assert found.label.verdict == "drift"
    assert "points of traffic moved" in found.label.said


def test_an_alarm_of_the_true_classes_keeps_the_board_from_being_green(opened):
    rng, n, first = np.random.default_rng(3), 4_000, N_REFERENCE
    prediction = rng.choice(["bad", "good"], n)
    # As often wrong as before, but by a class that the reference never had.
    other = np.where(prediction == "bad", "good", "bad")
    label = np.where(rng.random(n) < 0.9, prediction, np.where(np.arange(n) < first, other, "ugly"))
    times = [START + timedelta(seconds=k) for k in range(n)]
    frame = pd.DataFrame({"predicted_at": times, "x": rng.normal(size=n), "prediction": prediction, "label": label})
    frame["request_id"], frame["score"] = [f"r{k}" for k in range(n)], rng.random(n)
    log = opened(frame.head(first))
    log.append("m", frame.iloc[first:].drop(columns="label"))
    ids = frame["request_id"][first:].tolist()
    log.label("m", ids, label[first:].tolist(), times[-1] + timedelta(days=9))
    board = check_performance(log, "m", LastRows(1_000), None, POLICY)
    assert {column.verdict for column in board.columns} == {"stable"}
    assert (board.verdict, board.performance.label.is_alarm) == ("drift", True)
    assert board.sentence.startswith("Label drift: true classes: ")
    assert [record.stream for record in board.alarms] == ["label"]
    acknowledge(log, "m", "training", "label", by="ana", note="a new class")
    assert check_performance(log, "m", LastRows(1_000), None, POLICY).verdict == "stable"


def test_looks_one_after_the_other_leave_what_one_look_leaves(opened):
    frame = rows(8, slope=0.5)
    log = opened(frame.head(N_REFERENCE))
    for first in range(N_REFERENCE, N, 700):
        log.append("m", frame.iloc[first : first + 700].drop(columns=["label", "labelled_at"]))
        part = frame.iloc[first : first + 700]
        known = part[part["label"].notna()].sort_values("labelled_at")
        for k in range(0, len(known), 90):
            some = known.iloc[k : k + 90]
            log.label("m", some["request_id"].tolist(), some["label"].tolist(), some["labelled_at"].iloc[-1])
            check_performance(log, "m", LastRows(500), None, POLICY)
    often = check_performance(log, "m", LastRows(500), None, POLICY).performance.concept
    with log.engine.begin() as connection:
        mark_labels_stale(connection, 1, START)
    once = check_performance(log, "m", LastRows(500), None, POLICY).performance.concept
    assert once == often
    assert often.n > 1_500


def test_a_label_that_is_corrected_changes_the_evidence(opened):
    frame = rows(9)
    log = opened(frame)
    before = check_performance(log, "m", LastRows(500), None, POLICY).performance.concept
    known = frame[N_REFERENCE:][frame["label"].notna()[N_REFERENCE:]]
    wrong = np.where(known["prediction"] == "yes", "no", "yes")
    log.label("m", known["request_id"].tolist(), wrong.tolist(), START + timedelta(days=30))
    after = check_performance(log, "m", LastRows(500), None, POLICY).performance.concept
    assert before.verdict == "stable"
    assert (after.n, after.verdict) == (before.n, "drift")


def test_a_person_answers_the_alarm_of_accuracy(opened):
    log = opened(rows(10, slope=-0.5))
    assert check_performance(log, "m", LastRows(1_000), None, POLICY).verdict == "drift"
    record = acknowledge(log, "m", "training", ACCURACY, by="ana", note="the rule changed")
    assert record.acknowledged.by == "ana"
    again = check_performance(log, "m", LastRows(1_000), None, POLICY).performance.concept
    assert again.verdict == "stable"


def test_the_report_goes_to_machines_as_valid_json(opened):
    log = opened(rows(11))
    told = json.loads(json.dumps(board_json(check_performance(log, "m", LastRows(600), None, POLICY)), allow_nan=False))
    found = told["performance"]
    assert found["interval"][0] < found["accuracy"] < found["interval"][1]
    assert found["expected"]["caveat"] == "if the relation input -> label is unchanged"
    assert found["concept"]["verdict"] == "stable"
    assert 0 < found["delay"]["median_seconds"] < found["delay"]["p90_seconds"]
    assert found["coverage"] == pytest.approx(found["n"] / 600)


def test_a_model_without_classes_or_labels_has_no_performance(sqlite_url):
    log = open_log(sqlite_url)
    log.register("bare", [Column("x", "numeric"), Column("prediction", "categorical", "prediction")])
    log.register("numbers", [Column("prediction", "numeric", "prediction"), Column("label", "numeric", "label")])
    for model in ("bare", "numbers"):
        log.append(model, [{"predicted_at": START, "prediction": "1"}])
        assert performance_report(log, model, LastRows(10), None, POLICY) is None
        board = check(log, model, LastRows(10))
        assert judged(board, None) is board
    log.close()


def test_the_labels_of_a_reference_are_read_once(opened, monkeypatch):
    log = opened(rows(12))
    columns = outcome_columns(log, "m")
    first = known_reference(log, "m", "training", columns)
    assert known_reference(log, "m", None, columns) is first
    assert first.agreement.n == first.labels.codes.size


def test_a_column_that_takes_the_name_of_the_stream_is_told(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", (*COLUMNS, Column("accuracy", "numeric")))
    log.append("m", rows(13).assign(accuracy=1.0))
    log.freeze_reference("m", "training", rows=N_REFERENCE)
    found = check_performance(log, "m", LastRows(500), None, POLICY).performance
    assert found.concept.verdict == "insufficient"
    assert "A column is named 'accuracy'" in found.concept.said
    assert found.now.n > 0
    log.close()


ODD_ROLES = {
    "a score that is a category": ("categorical", "categorical", "categorical"),
    "a label that is a number": ("categorical", "numeric", "numeric"),
    "a prediction that is a number": ("numeric", "categorical", "numeric"),
    "a regression with a score that is a category": ("numeric", "numeric", "categorical"),
}


@pytest.mark.parametrize("has_label", [True, False])
@pytest.mark.parametrize("case", ODD_ROLES)
def test_whatever_kinds_the_roles_have_the_board_is_drawn_and_labels_count_only_between_classes(
    sqlite_url, case, has_label
):
    prediction, label, score = ODD_ROLES[case]
    kinds = {"prediction": prediction, "label": label, "score": score}
    if not has_label:
        del kinds["label"]
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"predicted_at": pd.date_range(START, periods=400, freq="min"), "x": rng.normal(size=400)})
    for name, kind in kinds.items():
        frame[name] = rng.normal(size=400) if kind == "numeric" else rng.choice(["high", "low"], 400)
    log = open_log(sqlite_url)
    log.register("m", [Column("x", "numeric"), *(Column(name, kind, name) for name, kind in kinds.items())])
    assert log.append("m", frame).accepted == 400
    log.freeze_reference("m", "training", rows=200)
    board = check_performance(log, "m", LastRows(200), None, POLICY)
    assert {report.column for report in board.columns} == {"x", "prediction", "score"}
    if has_label and (prediction, label) == ("categorical", "categorical"):
        assert board.performance.now.n == 200
        assert board.performance.why_not == "the model's score is no number"
    else:
        assert board.performance is None
    log.close()


def test_right_and_wrong_are_refused_where_a_source_hands_out_numbers():
    classes = CategoricalSample(np.array([0, 1]), ("no", "yes"))
    with pytest.raises(ValueError, match=r"^label must hold classes where right and wrong are counted; got numbers\.$"):
        outcome_samples({"prediction": classes, "label": NumericSample(np.array([0.0, 1.0]))})
    with pytest.raises(ValueError, match=r"^prediction must hold classes .*; got no such column\.$"):
        outcome_samples({"label": classes})


def test_an_alarm_whose_loss_is_over_is_not_said_to_have_fallen(opened):
    frame = rows(12, labelled=1.0)
    wrong = np.where(frame["prediction"] == "yes", "no", "yes")
    bad = (np.arange(N) >= 2_000) & (np.arange(N) < 3_000)
    frame["label"] = np.where(bad, wrong, frame["label"])
    log = opened(frame)
    board = check_performance(log, "m", LastRows(1_000), None, POLICY)
    concept = board.performance.concept
    assert concept.alarm is not None
    assert concept.is_back
    assert concept.verdict == "warning"
    assert "is back to normal since" in concept.said
    assert "fell" not in board.sentence
    assert board.advice.title == "Answer the alarm: accuracy is back to normal"
    few = check_performance(log, "m", RowSpan(N - 60, N), None, POLICY)
    assert "few labels tell" in few.performance.concept.said
    assert few.advice.action not in ("retrain", "emergency")


def test_the_expected_accuracy_is_withheld_where_inputs_are_unlike_the_reference(opened):
    frame = rows(13, labelled=0.0)
    frame.loc[:N_REFERENCE, "label"] = frame.loc[:N_REFERENCE, "prediction"]
    frame.loc[CHANGE:, "x"] += 100.0
    board = check_performance(opened(frame), "m", LastRows(1_000), None, POLICY)
    assert board.performance.expected is None
    assert "Expected accuracy is withheld: the scores cannot be believed" in board.advice.evidence
    assert board_json(board)["performance"]["expected"]["reason"].endswith("unlike the reference (x)")

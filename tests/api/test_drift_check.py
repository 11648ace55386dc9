"""`GET /drift-check`: the answers of the lesson."""

import dataclasses
import math
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.api.drift_check import lesson_json
from drift.data import policy
from drift.data.windows import Column, LastRows
from drift.monitor import boards
from drift.monitor.performance import check_performance
from drift.text.features import text_features
from drift.version import __version__
from storage.database.settings import Settings
from tests.api.conftest import client_of, review

NEW_WORDS = ["slaps", "bussin", "mid", "rizz", "goated", "yeet", "drip", "vibes"]


def append_reviews(log, fitted, n, common=None, seed=5):
    """Log n answered reviews, those after the others that are there."""
    rng = random.Random(seed)
    extra = {} if common is None else {"common": common}
    texts = [review(rng, rng.choice(["positive", "negative"]), **extra) for _ in range(n)]
    measured = text_features(texts, fitted.vocabulary)
    start = datetime.now(UTC) - timedelta(hours=4) + timedelta(seconds=log.n_rows("reviews"))
    rows = [
        {"predicted_at": start + timedelta(seconds=k), "text": text, "prediction": "positive", "score": rng.random()}
        | {name: float(values[k]) for name, values in measured.items()}
        for k, text in enumerate(texts)
    ]
    assert log.append("reviews", rows).accepted == n


def test_a_log_goes_from_too_little_data_to_stable_to_drifted(client, reviews, sentiment):
    assert client.get("/drift-check").json() == {"status": "insufficient_data", "samples": 0}
    append_reviews(reviews, sentiment, 99)
    assert client.get("/drift-check").json() == {"status": "insufficient_data", "samples": 99}

    append_reviews(reviews, sentiment, 1_901, seed=6)
    reviews.freeze_reference("reviews", "training", rows=1_000)
    stable = client.get("/drift-check", params={"model": "reviews", "window": 500}).json()
    assert (stable["status"], stable["samples_checked"]) == ("stable", 500)
    assert 0.01 < stable["p_value"] <= 1

    append_reviews(reviews, sentiment, 1_000, NEW_WORDS)
    drifted = client.get("/drift-check").json()
    assert (drifted["status"], drifted["verdict"], drifted["samples_checked"]) == ("drifted", "drift", 1_000)
    adjusted = [column["adjusted_p_value"] for column in drifted["columns"]]
    assert drifted["p_value"] == min(p for p in adjusted if p is not None)  # perhaps 0.0: it underflows
    assert drifted["p_value"] < 1e-9
    assert drifted["columns"][0]["column"] == "oov_share"
    assert "oov_share" in drifted["sentence"]


def test_without_a_reference_there_is_nothing_to_compare_with(client, reviews, sentiment):
    append_reviews(reviews, sentiment, 150)
    said = client.get("/drift-check").json()
    assert (said["status"], said["samples"]) == ("insufficient_data", 150)
    assert "no reference is frozen yet" in said["sentence"]


def test_a_window_of_fewer_than_100_rows_says_nothing(client, reviews, sentiment):
    append_reviews(reviews, sentiment, 150)
    assert client.get("/drift-check?window=99").json() == {"status": "insufficient_data", "samples": 99}


@pytest.mark.parametrize("window", ["0", "-5", "many", "1e9", "1000001"])
def test_a_window_must_be_a_number_of_rows(client, reviews, window):
    answer = client.get("/drift-check", params={"window": window})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "window"


def test_an_unknown_model_is_not_found(client, reviews):
    answer = client.get("/drift-check?model=nope")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "model must be a registered one (reviews); got 'nope'."


def test_a_second_reference_does_not_replace_the_first(client, reviews, sentiment):
    append_reviews(reviews, sentiment, 1_000)
    reviews.freeze_reference("reviews", "training", rows=500)
    before = client.get("/drift-check").json()
    reviews.freeze_reference("reviews", "later", rows=100)
    assert client.get("/drift-check").json() == before


def test_a_database_that_is_away_is_said_to_be_away(tmp_path):
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    with client_of(Settings(database_url=url, artifacts=tmp_path)) as client:
        for path in ("/drift-check?model=reviews", "/retrain/1"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "database_away"
            assert "secret" not in answer.text
        health = client.get("/health")
    assert (health.status_code, health.json()["database"]) == (503, "away")


def test_health_tells_of_database_and_worker(client, reviews):
    expected = {"status": "ok", "database": "ok", "worker": "none", "version": __version__}
    assert client.get("/health").json() == expected


def test_a_column_that_is_gone_is_drift_though_nothing_is_left_to_test(client, log):
    log.register("m", [Column("x", "numeric")])
    start = datetime.now(UTC) - timedelta(hours=1)
    rng = random.Random(4)
    values = [rng.random() if k < 500 else None for k in range(1_000)]
    log.append("m", [{"predicted_at": start + timedelta(seconds=k), "x": x} for k, x in enumerate(values)])
    log.freeze_reference("m", "training", rows=500)
    said = client.get("/drift-check", params={"model": "m", "window": 500}).json()
    assert (said["status"], said["verdict"], said["p_value"]) == ("drifted", "drift", None)


def test_a_column_that_cannot_be_computed_is_told_and_does_not_pass_for_stable(log):
    log.register("m", [Column("x", "numeric"), Column("y", "numeric")])
    start, rng = datetime.now(UTC) - timedelta(hours=1), random.Random(4)
    times = [start + timedelta(seconds=k) for k in range(1_000)]
    log.append("m", [{"predicted_at": at, "x": rng.random(), "y": rng.random()} for at in times])
    log.freeze_reference("m", "training", rows=500)
    board = boards.check(log, "m", LastRows(500))
    x, y = board.columns
    failed = x._replace(verdict="error", adjusted_p_value=math.nan)
    # The other column decides what the lesson calls the status.
    for other, status, verdict in ((y, "stable", "error"), (y._replace(verdict="drift"), "drifted", "drift")):
        said = lesson_json(dataclasses.replace(board, columns=(failed, other)))
        assert (said["status"], said["verdict"]) == (status, verdict)
        assert said["columns"][0]["verdict"] == "error"
    said = lesson_json(dataclasses.replace(board, columns=(failed,)))
    assert (said["status"], said["samples"], said["verdict"]) == ("insufficient_data", 500, "error")


def test_before_the_first_bucket_after_the_reference_nothing_is_called_stable(client, log):
    log.register("m", [Column("x", "numeric")])
    start, rng = datetime.now(UTC) - timedelta(hours=1), random.Random(4)
    log.append("m", [{"predicted_at": start + timedelta(seconds=k), "x": rng.random()} for k in range(550)])
    log.freeze_reference("m", "training", rows=500)
    said = client.get("/drift-check", params={"model": "m", "window": 150}).json()
    assert (said["status"], said["verdict"]) == ("insufficient_data", "insufficient")


def test_many_who_ask_at_once_get_the_same_board_and_the_next_sees_what_has_come(client, reviews, sentiment):
    append_reviews(reviews, sentiment, 1_500)
    reviews.freeze_reference("reviews", "training", rows=1_000)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(client.get("/drift-check").json())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert all(answer == answers[0] for answer in answers)
    append_reviews(reviews, sentiment, 1_000, NEW_WORDS)
    assert client.get("/drift-check").json()["status"] == "drifted"


def test_concept_drift_is_drifted_though_no_column_moved(client, log):
    log.register("m", [Column("x", "numeric"), *(Column(n, "categorical", n) for n in ("prediction", "label"))])
    start, rng = datetime.now(UTC) - timedelta(hours=4), random.Random(4)
    rows = []
    for k in range(4_000):
        said = rng.choice(["no", "yes"])
        # The model is right on nine of ten; then what its inputs mean changes, and nothing else.
        right = rng.random() < (0.9 if k < 2_500 else 0.4)
        label = said if right else {"no": "yes", "yes": "no"}[said]
        rows.append({"predicted_at": start + timedelta(seconds=k), "x": rng.random()})
        rows[-1] |= {"prediction": said, "label": label, "request_id": f"r{k}"}
    assert log.append("m", rows).accepted == 4_000
    log.freeze_reference("m", "training", rows=1_500)
    said = client.get("/drift-check", params={"model": "m", "window": 1_000}).json()
    assert {column["verdict"] for column in said["columns"]} == {"stable"}
    # The p-value is that of the columns, as documented: no column is the reason, and the sentence tells which is.
    assert (said["status"], said["verdict"], said["samples_checked"]) == ("drifted", "drift", 1_000)
    assert said["p_value"] == min(column["adjusted_p_value"] for column in said["columns"])
    assert said["sentence"].startswith("Accuracy fell since about ")
    board = check_performance(log, "m", LastRows(1_000), None, policy.DEFAULT_POLICY)
    assert (said["verdict"], said["sentence"]) == (board.verdict, board.sentence)


def test_labels_that_no_prediction_has_are_named_and_no_accuracy_is_told(client, reviews):
    start = datetime.now(UTC) - timedelta(hours=4)
    rows = [
        {"predicted_at": (start + timedelta(seconds=k)).isoformat(), "request_id": f"q{k}", "length": k % 9}
        | {"prediction": said, "label": said if k < 300 else said[:3], "score": 0.5}
        for k in range(600)
        for said in [("positive", "negative")[k % 2]]
    ]
    assert "strange_labels" not in client.post("/predictions", json=rows[:300]).json()
    reviews.freeze_reference("reviews", "training", rows=300)
    assert client.post("/predictions", json=rows[300:]).json()["strange_labels"] == ["neg", "pos"]
    sent = [{"request_id": "q1", "label": "neutral"}]
    assert client.post("/labels", json=sent).json()["strange_labels"] == ["neutral"]
    said = client.get("/drift-check", params={"model": "reviews", "window": 300}).json()
    assert "abels use names that no prediction has: 'neg', 'pos' (300 of 300)" in said["sentence"]
    assert said["advice"]["title"] == "Repair the feed of the labels"

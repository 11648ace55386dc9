"""`GET /drift-check`: the answers of the lesson."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from drift.text import text_features
from drift.windows import Column
from storage.settings import Settings
from tests.api.conftest import client_of, review

NEW_WORDS = ["slaps", "bussin", "mid", "rizz", "goated", "yeet", "drip", "vibes"]


def append_reviews(log, fitted, n, common=None, seed=5):
    """Log n answered reviews that end now."""
    rng = random.Random(seed)
    extra = {} if common is None else {"common": common}
    texts = [review(rng, rng.choice(["positive", "negative"]), **extra) for _ in range(n)]
    measured = text_features(texts, fitted.vocabulary)
    start = datetime.now(UTC) - timedelta(seconds=n)
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
    assert drifted["p_value"] == min(column["adjusted_p_value"] or 1 for column in drifted["columns"])
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
    assert client.get("/health").json() == {"status": "ok", "database": "ok", "worker": "none"}


def test_a_column_that_is_gone_is_drift_though_nothing_is_left_to_test(client, log):
    log.register("m", [Column("x", "numeric")])
    start = datetime.now(UTC) - timedelta(hours=1)
    log.append("m", [{"predicted_at": start + timedelta(seconds=k), "x": k if k < 500 else None} for k in range(1_000)])
    log.freeze_reference("m", "training", rows=500)
    said = client.get("/drift-check", params={"model": "m", "window": 500}).json()
    assert (said["status"], said["verdict"], said["p_value"]) == ("drifted", "drift", None)

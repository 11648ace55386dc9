"""Rows that come one a line are written while they come; where a stream ends early, the answer says how far it got."""

import json
import sqlite3
import threading

import pytest

from dashboard.api import bodies, limits
from dashboard.serving import writer
from storage.database.settings import Settings
from tests.api.conftest import client_of

NDJSON = {"Content-Type": "application/x-ndjson"}
NOW = "2026-11-23T14:00:00+00:00"


def lines(n, first=0):
    """Make lines of rows, in chunks that end anywhere."""
    text = "".join(json.dumps({"predicted_at": NOW, "request_id": f"r{first + k}"}) + "\n" for k in range(n)).encode()
    for start in range(0, len(text), 7_001):
        yield text[start : start + 7_001]


def test_a_long_stream_is_written_in_parts(client, reviews, monkeypatch):
    monkeypatch.setattr(bodies, "PART_ROWS", 400)
    said = client.post("/predictions", content=lines(1_234), headers=NDJSON)
    assert said.json() == {"accepted": 1_234, "rejected": []}
    assert reviews.n_rows("reviews") == 1_234
    again = client.post("/predictions", content=lines(1_240), headers=NDJSON).json()
    assert (again["accepted"], len(again["rejected"]), again["n_rejected"]) == (6, 1_000, 1_234)
    assert [one["row"] for one in again["rejected"]] == list(range(1_000))


def test_the_positions_of_bad_lines_count_through_all_parts(client, reviews, monkeypatch):
    monkeypatch.setattr(bodies, "PART_ROWS", 3)
    bad = {2: b"nonsense", 5: b'{"predicted_at": "yesterday"}', 10: b"[]"}
    body = b"\n".join(bad.get(k, b'{"predicted_at": "%s"}' % NOW.encode()) for k in range(12))
    said = client.post("/predictions", content=body, headers=NDJSON).json()
    assert said["accepted"] == 9
    assert [one["row"] for one in said["rejected"]] == [2, 5, 10]


def test_labels_come_in_streams_too(client, reviews, monkeypatch):
    monkeypatch.setattr(bodies, "PART_ROWS", 50)
    client.post("/predictions", content=lines(120), headers=NDJSON)
    body = "\n".join(json.dumps({"request_id": f"r{k}", "label": "positive"}) for k in range(130))
    said = client.post("/labels", content=body, headers=NDJSON).json()
    assert (said["accepted"], [one["row"] for one in said["rejected"]]) == (120, list(range(120, 130)))


def test_a_stream_that_grows_too_long_says_what_is_in_the_log(client, reviews, monkeypatch):
    monkeypatch.setattr(bodies, "PART_ROWS", 100)
    monkeypatch.setattr(limits, "MAX_STREAM", 40_000)
    answer = client.post("/predictions", content=lines(1_000), headers=NDJSON)
    assert answer.status_code == 413
    said = answer.json()
    assert said["error"]["code"] == "too_large"
    assert said["read"] == said["accepted"] == reviews.n_rows("reviews")
    assert 0 < said["read"] < 1_000
    rest = client.post("/predictions", content=lines(200, said["read"]), headers=NDJSON).json()
    assert rest == {"accepted": 200, "rejected": []}


def test_a_line_without_an_end_is_not_collected(client, reviews):
    answer = client.post("/predictions", content=(b"x" * 50_000 for _ in range(25)), headers=NDJSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_an_array_of_too_many_rows_is_refused_whole(client, reviews):
    answer = client.post("/predictions", json=[{"predicted_at": NOW}] * 10 + [{}] * (bodies.MAX_ARRAY - 9))
    assert (answer.status_code, answer.json()["error"]["field"]) == (413, "body")
    assert reviews.n_rows("reviews") == 0


def test_a_database_that_fails_within_a_stream_leaves_whole_parts(client, reviews, monkeypatch, tmp_path):
    monkeypatch.setattr(bodies, "PART_ROWS", 100)

    def broken_in_between():
        yield from lines(250)
        with sqlite3.connect(tmp_path / "drift.db") as other:
            other.execute("ALTER TABLE prediction_reviews RENAME TO elsewhere")
        other.close()
        yield from lines(250, 250)

    answer = client.post("/predictions", content=broken_in_between(), headers=NDJSON)
    assert answer.status_code == 503
    said = answer.json()
    assert (said["error"]["code"], said["read"], said["accepted"]) == ("database_away", 200, 200)
    with sqlite3.connect(tmp_path / "drift.db") as other:
        assert other.execute("SELECT count(*) FROM elsewhere").fetchone() == (200,)
    other.close()


def test_a_full_queue_sends_callers_away_and_nothing_of_theirs_is_written(reviews, settings, monkeypatch):
    monkeypatch.setattr(writer, "CAPACITY_ROWS", 10)
    monkeypatch.setattr(writer.Writing.__init__, "__kwdefaults__", {"capacity": 10, "linger": 0.3})
    refused, accepted = [], []

    def send(client, k):
        rows = [{"predicted_at": NOW, "request_id": f"{k}-{row}"} for row in range(4)]
        answer = client.post("/predictions", json=rows)
        if answer.status_code == 503:
            assert answer.json()["error"]["code"] == "busy"
            assert answer.headers["retry-after"] == "1"
            refused.append(k)
        else:
            accepted.append(answer.json()["accepted"])

    with client_of(settings) as client:
        client.get("/health")
        threads = [threading.Thread(target=send, args=(client, k)) for k in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert refused
    assert sum(accepted) == reviews.n_rows("reviews") == 4 * (12 - len(refused))


def test_without_waiting_the_answer_comes_first_and_the_row_is_written_before_the_server_ends(reviews, settings):
    with client_of(settings) as client:
        for _ in range(20):
            assert client.post("/predict?durable=false", json={"text": "great"}).status_code == 200
    assert reviews.n_rows("reviews") == 20


def test_a_pool_without_a_free_connection_is_a_database_that_is_away(reviews, settings):
    slow = Settings(database_url=settings.database_url, artifacts=settings.artifacts)
    with client_of(slow) as client:
        client.get("/health")
        engine = client._transport.api.state.service.log.engine
        engine.pool._timeout = 0.1
        held = [engine.connect() for _ in range(engine.pool.size() + engine.pool._max_overflow)]
        for path in ("/drift-check?model=reviews", "/retrain/1"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
        assert client.post("/predict", json={"text": "great"}).status_code == 503
        for connection in held:
            connection.close()
        assert client.post("/predict", json={"text": "great"}).status_code == 200
    assert reviews.n_rows("reviews") == 1


@pytest.mark.parametrize("path", ["/predictions", "/labels"])
def test_an_empty_stream_is_no_rows(client, reviews, path):
    assert client.post(path, content=b"\n\n", headers=NDJSON).json() == {"accepted": 0, "rejected": []}

"""`POST /predictions`, `/labels` and `/retrain`: the good rows land, the others are named."""

import dataclasses
import json

import pytest

from storage.jobs import decisions, queue, workers
from storage.writing.unreadable import read_unreadable
from tests.api.conftest import client_of

JSON = {"Content-Type": "application/json"}
NOW = "2026-11-23T14:00:00+00:00"


def test_predictions_made_elsewhere_are_logged_once(client, reviews):
    rows = [
        {"predicted_at": NOW, "request_id": "a", "text": "great", "prediction": "positive", "score": 0.9, "price": 3},
        {"predicted_at": "2026-11-23 14:00", "request_id": "b"},
        {"predicted_at": NOW, "request_id": "c", "price": "dear"},
        7,
        {"predicted_at": NOW, "request_id": "d", "colour": "red"},
        {"predicted_at": NOW, "request_id": "e", "price": 10**400},
        {"predicted_at": NOW, "request_id": "f", "text": "half a pair \ud800"},
        {"predicted_at": NOW, "request_id": "g", "channel": ["web"]},
    ]
    said = client.post("/predictions?model=reviews", content=json.dumps(rows), headers=JSON).json()
    assert said["accepted"] == 5
    assert [rejected["row"] for rejected in said["rejected"]] == [1, 3, 4]
    assert "time zone" in said["rejected"][0]["error"]
    cells = {one.pop("column"): one for one in said["unreadable"]}
    assert cells["price"] == {"n": 2, "row": 2, "error": "must be a number; got 'dear'"}
    assert (cells["text"]["row"], cells["channel"]["row"]) == (6, 7)
    assert {total.column: (total.n, total.reason) for total in read_unreadable(reviews, "reviews")} == {
        "price": (2, cells["price"]["error"].partition(";")[0]),
        "text": (1, "must be Unicode text"),
        "channel": (1, "must be a single value"),
    }
    again = client.post("/predictions?model=reviews", json=rows[:1]).json()
    assert (again["accepted"], len(again["rejected"])) == (0, 1)
    assert reviews.n_rows("reviews") == 5


def test_rows_may_come_one_a_line(client, reviews):
    lines = f'{{"predicted_at": "{NOW}", "request_id": "a"}}\n\nnonsense\n{{"predicted_at": "{NOW}", "score": NaN}}\n'
    headers = {"Content-Type": "application/x-ndjson"}
    said = client.post("/predictions", content=lines, headers=headers).json()
    assert said["accepted"] == 1
    assert [rejected["row"] for rejected in said["rejected"]] == [1, 2]


def test_labels_reach_the_rows_of_their_requests(client, reviews):
    client.post("/predict", json={"text": "great", "request_id": "a"})
    rows = [{"request_id": "a", "label": "negative"}, {"request_id": "nope", "label": "negative"}, {"label": "x"}]
    said = client.post("/labels", json=rows).json()
    assert said["accepted"] == 1
    assert [rejected["row"] for rejected in said["rejected"]] == [1, 2]
    assert reviews.read_rows("reviews")["label"].tolist() == ["negative"]
    again = client.post("/labels", json=rows[:1]).json()
    # The only answer so far was the other class: whether names differ is for whoever sends them to see.
    assert again == {"accepted": 1, "rejected": [], "strange_labels": ["negative"]}


@pytest.mark.parametrize("path", ["/predictions", "/labels"])
@pytest.mark.parametrize("body", [b"{", b"", b'{"request_id": "a"}', b"3"])
def test_rows_must_be_an_array(client, reviews, path, body):
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "body"
    assert client.post(path, content=body, headers={"Content-Type": "text/csv"}).status_code == 415
    assert client.post(f"{path}?model=nope", json=[]).status_code == 404


def test_a_retrain_is_one_job_however_often_it_is_asked_for(client, reviews):
    first = client.post("/retrain", json={"model": "reviews", "reason": "new words"})
    assert first.status_code == 202
    assert first.json()["state"] == "queued"
    second = client.post("/retrain", json={"model": "reviews", "reason": "new words"})
    assert second.status_code == 409
    assert second.json()["job_id"] == first.json()["job_id"]
    assert second.json()["error"]["message"] == "already running: job 1, started by api"
    assert len(queue.read_jobs(reviews)) == 1
    state = client.get("/retrain/1").json()
    assert (state["job_id"], state["model"], state["reason"]) == (1, "reviews", "new words")


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_a_retrain_needs_a_reason(client, reviews, reason):
    answer = client.post("/retrain", json={"model": "reviews", "reason": reason})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "reason"
    assert client.post("/retrain", json={"model": "nope", "reason": "drift"}).status_code == 404
    assert not queue.read_jobs(reviews)


def test_a_name_of_half_a_character_is_named_and_the_others_land(client, reviews):
    rows = [{"predicted_at": NOW, "\ud800": 1}, {"predicted_at": NOW}]
    said = client.post("/predictions?model=reviews", content=json.dumps(rows), headers=JSON).json()
    assert (said["accepted"], said["rejected"][0]["row"]) == (1, 0)


@pytest.mark.parametrize("body", [{"model": "\ud800", "reason": "r"}, {"model": "reviews", "reason": "\ud800"}])
def test_a_retrain_is_asked_for_in_whole_characters(client, reviews, body):
    assert client.post("/retrain", content=json.dumps(body), headers=JSON).status_code == 422


def test_a_retrain_that_is_committed_is_accepted_though_no_worker_can_be_started(reviews, settings, tmp_path):
    (tmp_path / "file").write_text("no folder can be made here")
    nowhere = dataclasses.replace(settings, artifacts=tmp_path / "file" / "models", worker="auto")
    with client_of(nowhere) as client:
        started = client.post("/retrain", json={"model": "reviews", "reason": "new words"})
    assert started.status_code == 202
    told = {"job_id": 1, "state": "queued", "worker": "none, because it cannot be started: Not a directory"}
    assert started.json() == told
    assert [job.state for job in queue.read_jobs(reviews)] == ["queued"]


def test_a_retrain_says_which_worker_there_is(client, reviews):
    body = {"model": "reviews", "reason": "new words"}
    assert client.post("/retrain", json=body).json()["worker"].startswith("none, because none is alive")
    decisions.cancel(reviews, 1, "ana")
    workers.beat(reviews, "w1", "host", 17, "1")
    assert client.post("/retrain", json=body).json()["worker"] == "process 17 on host"

"""`POST /predict`: the champion answers, and what it answered stands in the log."""

import asyncio
import dataclasses
import threading
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from dashboard.api.predict import answered
from dashboard.api.service import Serving
from dashboard.serving.answers import Request, new_request_id
from dashboard.serving.versions import Versions
from dashboard.serving.writer import Rows, Writing
from drift.data.windows import Column, LastRows
from retrain.models.recipes import fit
from storage.models.registration import register_version
from tests.api.conftest import COLUMNS, add_champion


def test_an_answer_is_logged_with_its_text_and_features(client, reviews):
    body = {"text": "Great, works! qwertz", "features": {"channel": "web", "price": 12.5}, "entity_id": "ana"}
    answer = client.post("/predict", json=body)
    assert answer.status_code == 200
    said = answer.json()
    assert said.keys() == {"label", "score", "model_version", "variant", "request_id"}
    assert (said["label"], said["model_version"], said["variant"]) == ("positive", "v1", "champion")
    (row,) = reviews.read_rows("reviews").to_dict("records")
    assert row["text"] == body["text"]
    assert (row["prediction"], row["score"], row["version"]) == ("positive", said["score"], "v1")
    assert (row["variant"], row["request_id"], row["entity_id"]) == ("champion", said["request_id"], "ana")
    assert (row["length"], row["words"], row["channel"], row["price"]) == (20, 3, "web", 12.5)
    assert row["exclamation_share"] == pytest.approx(1 / 20)
    assert row["oov_share"] == pytest.approx(1 / 3)
    assert abs(row["predicted_at"] - pd.Timestamp.now("UTC")) < pd.Timedelta(minutes=1)


def test_a_repeated_request_id_gets_the_logged_answer_and_no_second_row(client, reviews):
    first = client.post("/predict", json={"text": "great", "request_id": "r-1"}).json()
    again = client.post("/predict", json={"text": "broken awful", "request_id": "r-1"})
    assert again.status_code == 200
    assert again.json() == first
    assert reviews.n_rows("reviews") == 1


def test_many_clients_with_one_request_id_get_one_answer(client, reviews):
    answers = []

    def ask(text):
        answers.append(client.post("/predict", json={"text": text, "request_id": "r-1"}).json())

    threads = [threading.Thread(target=ask, args=(text,)) for text in ["great", "broken"] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    assert reviews.n_rows("reviews") == 1


def test_the_next_request_is_answered_by_a_newly_promoted_champion(client, reviews, settings, sentiment):
    assert client.post("/predict", json={"text": "great"}).json()["model_version"] == "v1"
    turned = dataclasses.replace(sentiment, classes=("positive", "negative"))
    assert add_champion(reviews, settings, turned, "second") == "v2"
    said = client.post("/predict", json={"text": "great"}).json()
    assert (said["label"], said["model_version"]) == ("negative", "v2")


def test_a_champion_is_loaded_once_however_many_ask(reviews, settings):
    versions = Versions(reviews, settings)
    found = []
    threads = [threading.Thread(target=lambda: found.append(versions.get("reviews", "v1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(model) for model in found}) == 1


def test_a_changed_model_file_does_not_answer(client, reviews, settings):
    file = settings.artifacts / "first.skops"
    file.write_bytes(file.read_bytes() + b"x")
    answer = client.post("/predict", json={"text": "great"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "no_champion"
    assert "sha256" in answer.json()["error"]["message"]
    assert reviews.n_rows("reviews") == 0


def test_a_model_without_a_file_says_so(client, reviews):
    reviews.register("imported", COLUMNS)
    answer = client.post("/predict", json={"text": "great", "model": "imported"})
    assert answer.status_code == 409
    register_version(reviews, "imported", uri=None, sha256=None, created_by="test", champion=True)
    answer = client.post("/predict", json={"text": "great", "model": "imported"})
    assert answer.status_code == 409
    assert answer.json()["error"]["field"] == "model"


def test_the_only_model_with_a_champion_is_the_default(client, reviews):
    reviews.register("other", COLUMNS)
    assert client.post("/predict", json={"text": "great"}).status_code == 200


def test_without_any_model_the_answer_says_that_none_is_registered(client, log):
    answer = client.post("/predict", json={"text": "great"})
    assert answer.status_code == 404
    message = "model must be a registered one (none is registered yet); got 'reviews'."
    assert answer.json() == {"error": {"code": "unknown_model", "message": message, "field": "model"}}


def test_a_model_of_features_answers_to_features(client, log, settings):
    columns = (
        Column("age", "numeric"),
        Column("plan", "categorical"),
        Column("prediction", "categorical", "prediction"),
        Column("score", "numeric", "score"),
    )
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"age": rng.uniform(20, 80, 400), "plan": rng.choice(["basic", "pro"], 400)})
    labels = np.where((rows["age"] > 50) | (rows["plan"] == "pro"), "stays", "leaves").tolist()
    log.register("reviews", columns)
    add_champion(log, settings, fit("tabular", rows, labels, columns))
    said = client.post("/predict", json={"features": {"age": 30, "plan": "pro"}})
    assert said.json()["label"] == "stays"
    # What is left out is missing, and logged as such.
    assert client.post("/predict", json={"features": {"age": 25}}).status_code == 200
    logged = log.read_rows("reviews", LastRows(1)).iloc[0]
    assert logged["age"] == 25
    assert pd.isna(logged["plan"])
    assert client.post("/predict", json={"text": "great"}).json()["error"]["field"] == "features"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "great", "txet": "x"}, "txet"),
        ({"text": "great", "features": [1]}, "features"),
        ({"text": "great", "features": {"price": "dear"}}, "features.price"),
        ({"text": "great", "features": {"price": 10**400}}, "features.price"),
        ({"text": "great", "features": {"price": {"a": 1}}}, "features.price"),
        ({"text": "great", "features": {"channel": "x" * 201}}, "features.channel"),
        ({"text": "great", "features": {"colour": "red"}}, "features.colour"),
        ({"text": "great", "features": {"length": 3}}, "features.length"),
        ({"text": "great", "request_id": ""}, "request_id"),
        ({"text": "great", "request_id": "x" * 201}, "request_id"),
        ({"text": "great", "entity_id": 7}, "entity_id"),
        (["text"], "body"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_field(client, reviews, body, field):
    answer = client.post("/predict", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "field"}
    assert error["field"] == field
    assert error["message"].endswith(".")
    assert reviews.n_rows("reviews") == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe",
        b'{"text": "great", "features": {"price": NaN}}',
        b'{"text": "great", "features": {"price": -Infinity}}',
        b'{"text": "\\ud800"}',
        b"[" * 200_000,
        b'{"text": "great", "features": {"price": 1' + b"0" * 5_000 + b"}}",
    ],
)
def test_a_body_that_is_no_json_is_refused(client, reviews, body):
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json().keys() == {"error"}
    assert reviews.n_rows("reviews") == 0


def test_ids_of_requests_follow_time():
    made = [new_request_id() for _ in range(3)]
    assert len(set(made)) == 3
    assert made[0][:13] <= made[-1][:13]
    assert made[0][14] == "7"


def test_an_answer_that_is_to_be_logged_is_given_though_the_queue_takes_no_note_beside_it(reviews, settings):
    serving = Serving(reviews, settings)
    serving.writing = Writing(reviews, capacity=1, linger=0.5)
    reply = asyncio.run(answered(serving, "reviews", Request("a", text="great"), durable=False))
    assert reply.label == "positive"
    serving.writing.close()
    assert reviews.read_rows("reviews")["request_id"].tolist() == ["a"]
    assert serving.writing.n_lost == 1  # the note that the model has served
    serving.close()


def test_an_answer_whose_row_is_committed_is_given_though_the_queue_has_filled_since(reviews, settings):
    serving = Serving(reviews, settings)
    serving.writing = Writing(reviews, capacity=2, linger=1.0)
    row = {"predicted_at": datetime.now(UTC), "prediction": "positive"}

    async def neighbour():
        """Share the transaction of the answer; fill the queue before whoever asked for it goes on."""
        await serving.writing.ask(Rows("reviews", [row]))
        serving.writing.put(Rows("reviews", [row, row]))

    async def both():
        await serving.scoring.ask("reviews", Request("warm", text="great"))  # the model is loaded by now
        waits = asyncio.create_task(neighbour())
        await asyncio.sleep(0)
        reply = await answered(serving, "reviews", Request("a", text="great"), durable=True)
        await waits
        return reply

    assert asyncio.run(both()).request_id == "a"
    serving.writing.close()
    assert reviews.read_rows("reviews")["request_id"].dropna().tolist() == ["a"]
    assert (reviews.n_rows("reviews"), serving.writing.n_lost) == (4, 1)
    serving.close()

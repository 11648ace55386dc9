"""An answer is a promise: whatever happens to the server, the row is in the log."""

import json
import re
import threading

import httpx
import pytest

from tests import load
from tests.api.servers import api_command, serving

pytestmark = pytest.mark.slow

NOW = "2026-11-23T14:00:00+00:00"


def test_every_acknowledged_row_outlives_the_server(reviews, settings, tmp_path):
    acknowledged, sent = [], []
    enough = threading.Event()

    def keep_predicting(address, k):
        with httpx.Client(base_url=address) as client:
            for n in range(10_000):
                sent.append(f"p{k}-{n}")
                said = client.post("/predict", json={"text": "great", "request_id": f"p{k}-{n}"})
                assert said.status_code == 200
                acknowledged.append(f"p{k}-{n}")
                if len(acknowledged) > 400:
                    enough.set()

    def keep_sending(address, k):
        with httpx.Client(base_url=address) as client:
            for n in range(10_000):
                ids = [f"b{k}-{n}-{row}" for row in range(40)]
                sent.extend(ids)
                said = client.post("/predictions", json=[{"predicted_at": NOW, "request_id": one} for one in ids])
                assert said.json() == {"accepted": 40, "rejected": []}
                acknowledged.extend(ids)

    def until_it_ends(work, *arguments):
        try:
            work(*arguments)
        except httpx.TransportError:
            enough.set()

    with serving(api_command(), settings, tmp_path) as (client, process):
        address = str(client.base_url)
        threads = [threading.Thread(target=until_it_ends, args=(keep_predicting, address, k)) for k in range(4)]
        threads += [threading.Thread(target=until_it_ends, args=(keep_sending, address, k)) for k in range(2)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
        process.kill()
        for thread in threads:
            thread.join()
    logged = list(reviews.read_rows("reviews")["request_id"])
    assert len(acknowledged) > 400
    assert set(acknowledged) <= set(logged) <= set(sent)
    assert len(logged) == len(set(logged)) == reviews.n_rows("reviews")
    # One request is one transaction: its rows are there together or not at all.
    bulk = [one.rpartition("-")[0] for one in logged if one.startswith("b")]
    assert {bulk.count(request) for request in set(bulk)} == {40}


def test_rows_that_nobody_waited_for_are_written_when_the_server_is_told_to_end(reviews, settings, tmp_path):
    with serving(api_command(), settings, tmp_path) as (client, _):
        for k in range(60):
            asked = {"text": "great", "request_id": f"r{k}"}
            assert client.post("/predict?durable=false", json=asked).status_code == 200
    assert sorted(reviews.read_rows("reviews")["request_id"]) == sorted(f"r{k}" for k in range(60))


def test_eight_connections_get_their_own_answers_and_lose_none(reviews, settings, tmp_path):
    with serving(api_command(), settings, tmp_path) as (client, _):
        port = client.base_url.port
        single = [
            ("POST", "/predict", json.dumps({"text": "great", "request_id": f"r{k}"}).encode(), load.JSON)
            for k in range(400)
        ]
        assert not load.ask(port, single).failures
        bulk = load.bulk_requests(8, 500)
        # The model of this test knows no price of a phone, but the same columns.
        assert not load.ask(port, bulk).failures
        assert not load.ask(port, load.check_requests(16)).failures
        written = re.search(r"^drift_write_groups_total (\d+)$", client.get("/metrics").text, re.MULTILINE)
    assert reviews.n_rows("reviews") == 400 + 8 * 500
    # Rows of concurrent requests shared transactions.
    assert int(written[1]) < 400

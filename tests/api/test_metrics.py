"""`GET /metrics`: what Prometheus reads, in a bounded number of series."""

import re

import pytest

from dashboard.api.prometheus import BUCKETS, Latencies
from storage.database.settings import Settings
from storage.jobs import queue
from tests.api.conftest import client_of
from tests.api.test_drift_check import append_reviews

LINE = re.compile(r'^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? ([-+.\deE]+|NaN|[+-]Inf)$')


def read(text):
    """Read Prometheus' text format strictly: {name + labels: value}."""
    found, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, *_ = line.split(" ")
            if what == "TYPE":
                assert name not in typed
                typed.add(name)
            continue
        name, labels, value = LINE.match(line).groups()
        assert re.sub("_(bucket|sum|count)$", "", name) in typed or name in typed
        assert name + (labels or "") not in found
        found[name + (labels or "")] = float(value)
    return found


def test_requests_rows_verdicts_and_jobs_are_counted(client, reviews, sentiment):
    append_reviews(reviews, sentiment, 700)
    reviews.freeze_reference("reviews", "training", rows=500)
    for text in ("great", "awful"):
        client.post("/predict", json={"text": text})
    client.post("/predict", json={})
    queue.start(reviews, "reviews", "drift", "ana")
    client.get("/retrain/1")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = read(answer.text)
    count = "drift_http_request_duration_seconds_count"
    assert found[count + '{method="POST",route="/predict",status="200"}'] == 2
    assert found[count + '{method="POST",route="/predict",status="422"}'] == 1
    assert found[count + '{method="GET",route="/retrain/{job_id}",status="200"}'] == 1
    assert found['drift_log_rows{model="reviews"}'] == 702
    assert found['drift_retrain_jobs{state="queued"}'] == 1
    assert found["drift_written_rows_total"] == 2
    assert found["drift_database_up"] == 1
    assert (found["drift_alerts_pending"], found["drift_alerts_sent_total"]) == (0, 0)
    verdicts = [key for key in found if key.startswith('drift_column_verdict{model="reviews",column="oov_share"')]
    assert len(verdicts) == 1
    assert len([key for key in found if key.startswith('drift_verdict{model="reviews"')]) == 1


def test_whatever_is_asked_for_makes_no_series_of_its_own(client, reviews):
    for k in range(50):
        client.get(f"/nowhere/{k}")
        client.get(f"/retrain/{k + 1}")
        client.request(f"M{k}", "/predict")
    found = read(client.get("/metrics").text)
    counts = {key: n for key, n in found.items() if key.startswith("drift_http_request_duration_seconds_count")}
    assert counts['drift_http_request_duration_seconds_count{method="GET",route="other",status="404"}'] == 50
    assert counts['drift_http_request_duration_seconds_count{method="other",route="/predict",status="405"}'] == 50
    assert len(counts) == 3


@pytest.mark.parametrize("seconds", [0, 0.005, 0.0051, 0.7, 10, 11])
def test_a_bucket_counts_what_took_no_longer_than_its_limit(seconds):
    latencies = Latencies()
    latencies.observe("GET", "/health", 200, seconds)
    buckets = [one for one in latencies.family().samples if one.suffix == "_bucket"]
    limits = [*BUCKETS, float("inf")]
    assert [one.value for one in buckets] == [int(seconds <= limit) for limit in limits]
    assert [float(one.labels["le"]) for one in buckets] == limits


def test_while_the_database_is_away_the_rest_is_told(tmp_path):
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    with client_of(Settings(database_url=url, artifacts=tmp_path)) as client:
        client.get("/drift-check?model=reviews")
        answer = client.get("/metrics")
    assert answer.status_code == 200
    found = read(answer.text)
    assert found["drift_database_up"] == 0
    assert found['drift_http_request_duration_seconds_count{method="GET",route="/drift-check",status="503"}'] == 1

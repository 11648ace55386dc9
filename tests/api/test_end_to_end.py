"""The whole of it over HTTP: reviews come, a drift begins, it is noticed, a retrain mends it."""

import dataclasses
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from retrain.models.recipes import fit
from seed.history import COLUMNS
from seed.scenarios import SCENARIOS, simulate
from storage.jobs import decisions, workers
from tests.api.conftest import add_champion
from tests.api.servers import api_command, serving
from tests.patience import wait_for

pytestmark = pytest.mark.slow

N_HEALTHY, N_DRIFTED, N_AFTER = 1_200, 800, 300


def simulated(n, share_drifted, seed):
    """Write n reviews, each by somebody whom the new vocabulary has reached with that probability."""
    times = pd.date_range("2026-11-01", periods=n, freq="min", tz="UTC")
    rng = np.random.default_rng(seed)
    return simulate(rng, SCENARIOS["vocabulary"], times, np.full(n, share_drifted), times[-1] + timedelta(days=30))


@pytest.fixture
def shop(log, settings):
    """A log whose model was trained on healthy reviews, and settings under which a worker is started when needed."""
    training = simulated(2_000, 0.0, seed=1)
    log.register("reviews", COLUMNS)
    add_champion(log, settings, fit("text", training, training["sentiment"].tolist(), COLUMNS))
    yield dataclasses.replace(settings, worker="auto")
    for worker in workers.read_live_workers(log):
        os.kill(worker.pid, signal.SIGTERM)
    wait_for(lambda: not workers.read_live_workers(log))


def predict(client, frame, first):
    """Let the model answer reviews, eight at a time; return the share that it was right about."""

    def ask(k):
        row = frame.iloc[k]
        features = {name: row[name] for name in ("channel", "region", "device")}
        features["price"] = None if pd.isna(row["price"]) else float(row["price"])
        asked = {"text": row["text"], "features": features, "request_id": f"r{first + k}"}
        answer = client.post("/predict", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["label"] == row["sentiment"]

    with ThreadPoolExecutor(8) as pool:
        return float(np.mean(list(pool.map(ask, range(len(frame))))))


def test_a_drift_is_noticed_and_a_retrain_mends_it(log, shop, tmp_path):
    healthy, drifted = simulated(N_HEALTHY, 0.0, seed=2), simulated(N_DRIFTED, 1.0, seed=3)
    reviews = pd.concat([healthy, drifted], ignore_index=True)
    seen, right = [], []
    with serving(api_command(), shop, tmp_path) as (client, _):

        def status():
            found = client.get("/drift-check?window=500").json()
            seen.append(found["status"])
            return found

        for first in range(0, len(reviews), 100):
            right.append(predict(client, reviews.iloc[first : first + 100], first))
            if first == 500:
                log.freeze_reference("reviews", "first weeks", rows=600)
            found = status()
        order = list(dict.fromkeys(seen))
        assert order == ["insufficient_data", "stable", "drifted"]
        assert seen[-1] == "drifted"
        # Nothing was called a drift before it began.
        assert "drifted" not in seen[: N_HEALTHY // 100]
        assert found["verdict"] == "drift"
        before, during = np.mean(right[: N_HEALTHY // 100]), np.mean(right[N_HEALTHY // 100 :])
        assert during < before - 0.1

        labels = [{"request_id": f"r{k}", "label": label} for k, label in enumerate(reviews["sentiment"])]
        assert client.post("/labels", json=labels).json() == {"accepted": len(reviews), "rejected": []}
        asked = {"model": "reviews", "reason": found["sentence"], "rollout": "direct"}
        started = client.post("/retrain", json=asked)
        assert started.status_code == 202
        assert client.post("/retrain", json=asked).status_code == 409

        def state():
            return client.get(f"/retrain/{started.json()['job_id']}").json()

        waited = wait_for(lambda: (now := state())["state"] not in ("queued", "running") and now)
        assert waited["state"] == "waiting_approval", waited
        assert decisions.approve(log, waited["job_id"], "ana").accepted
        promoted = wait_for(
            lambda: (now := state())["state"] not in ("waiting_approval", "queued", "running") and now, 40
        )
        assert promoted["state"] == "promoted", promoted

        said = client.post("/predict", json={"text": "great", "request_id": "which"}).json()
        assert said["model_version"] == "v2"
        after = predict(client, simulated(N_AFTER, 1.0, seed=4), len(reviews))
        assert after > during + 0.1
    assert log.n_rows("reviews") == len(reviews) + N_AFTER + 1
    assert datetime.now(UTC) - log.read_rows("reviews")["predicted_at"].min() < timedelta(minutes=5)

"""The API over PostgreSQL: the same answers, and a server that goes away in the middle."""

import threading

import pytest

from storage.database.settings import Settings
from storage.log import open_log
from tests.api.conftest import COLUMNS, add_champion, client_of
from tests.api.test_drift_check import append_reviews

pytestmark = pytest.mark.slow

NOW = "2026-11-23T14:00:00+00:00"


@pytest.fixture
def on_postgres(postgres_url, tmp_path, sentiment):
    """A log on PostgreSQL whose model serves, and its settings."""
    settings = Settings(database_url=postgres_url, artifacts=tmp_path / "models", worker="external", demo=False)
    log = open_log(postgres_url)
    log.register("reviews", COLUMNS)
    add_champion(log, settings, sentiment)
    yield log, settings
    log.close()


def test_every_route_answers(on_postgres, sentiment):
    log, settings = on_postgres
    append_reviews(log, sentiment, 700)
    log.freeze_reference("reviews", "training", rows=500)
    with client_of(settings) as client:
        answers = []
        ask = {"text": "great", "request_id": "one"}
        threads = [threading.Thread(target=lambda: answers.append(client.post("/predict", json=ask))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.status_code for one in answers] == [200] * 8
        assert all(one.json() == answers[0].json() for one in answers)
        rows = [{"predicted_at": NOW, "request_id": f"r{k % 8}", "channel": "web"} for k in range(10)]
        assert client.post("/predictions", json=rows).json()["accepted"] == 8
        labels = [{"request_id": "one", "label": "positive"}, {"request_id": "nope", "label": "positive"}]
        assert client.post("/labels", json=labels).json()["accepted"] == 1
        assert client.get("/drift-check").json()["status"] in ("stable", "drifted")
        assert client.post("/retrain", json={"model": "reviews", "reason": "drift"}).status_code == 202
        assert client.get("/retrain/1").json()["state"] == "queued"
        assert client.get("/health").json()["database"] == "ok"
        assert 'drift_log_rows{model="reviews"} 709' in client.get("/metrics").text
        for name in ("a\x00b", "x" * 300):
            assert client.get("/drift-check", params={"model": name}).status_code == 422


def test_connections_that_the_server_cuts_are_made_anew(on_postgres):
    log, settings = on_postgres
    with client_of(settings) as client:
        assert client.post("/predict", json={"text": "great"}).status_code == 200
        with log.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert client.post("/predict", json={"text": "great"}).status_code == 200
    assert log.n_rows("reviews") == 2

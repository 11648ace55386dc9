"""A canary: requests over HTTP and the labels that come later let a challenger serve; the page shows how far it is."""

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrain.workers.launchers import ensure_worker
from storage.database.settings import Settings
from storage.jobs import queue
from storage.models import registry
from tests.journeys.conftest import MODEL, Product, settle
from tests.patience import PATIENCE, wait_for

pytestmark = pytest.mark.slow

# Labels come in handfuls, so that the evidence is seen to grow.
BATCH = 40


class Traffic:
    """Customers whose incomes have moved: each asks over HTTP, and whether they repaid is known a moment later."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.versions: dict[str, list[str]] = {}
        self.n = 0
        self._rng = np.random.default_rng(11)
        self._over, self._open = threading.Event(), threading.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hold(self) -> None:
        """Let nobody ask, so that the trial stands where it is."""
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    def stop(self) -> None:
        self._over.set()
        self._open.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._over.is_set():
            self._open.wait()
            with suppress(OSError):  # the server may be about to end
                self._one_batch()

    def _one_batch(self) -> None:
        labels, draw = [], self._rng
        for _ in range(BATCH):
            income, customer = draw.normal(90, 10), draw.integers(0, 500)
            features = {"income": float(income), "age": float(round(draw.normal(40, 12)))}
            features |= {"region": str(draw.choice(["north", "south", "west"]))}
            body = {"model": MODEL, "entity_id": f"customer {customer}", "features": features}
            answer = self._post("/predict", body)
            self.versions.setdefault(body["entity_id"], []).append(answer["model_version"])
            label = "granted" if income + draw.normal(0, 3) > 90 else "refused"
            labels.append({"request_id": answer["request_id"], "label": label})
            self.n += 1
        self._post("/labels", labels)

    def _post(self, path: str, body: object) -> dict:
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)


def trial_of(product: Product, job_id: int) -> dict:
    return (queue.read_job(product.log, job_id).result or {}).get("canary") or {}


@pytest.fixture
def traffic(product: Product) -> Iterator[Traffic]:
    running = Traffic(product.url)
    yield running
    running.stop()


def test_a_canary_is_promoted_by_the_labels_of_real_requests(
    page: Page, product: Product, traffic: Traffic, tmp_path: Path
):
    params = {"rollout": "canary", "look_seconds": 1.0, "min_answers": 60, "holdout_share": 0.2}
    page.goto(f"{product.url}/retrain")
    settle(page)
    page.get_by_label("Your name").fill("ben")
    job_id = queue.start(product.log, MODEL, "incomes moved", "ana", params=params).job_id
    ensure_worker(Settings(database_url=f"sqlite:///{tmp_path}/drift.db", artifacts=tmp_path / "models"))
    page.reload()
    page.get_by_label("Your name").fill("ben")
    expect(page.get_by_text("waits for your decision")).to_be_visible()
    settle(page)
    page.get_by_role("tab", name="Parts of the rows").click()
    expect(page.get_by_text("Where the challenger does worst")).to_be_visible()
    page.get_by_role("tab", name="Calibration").click()
    expect(page.get_by_text("On the dashed line a model is right as often as it says")).to_be_visible()
    page.get_by_role("button", name="Approve").click()

    wait_for(lambda: trial_of(product, job_id).get("share"), "a canary")
    wait_for(lambda: trial_of(product, job_id).get("history"), "evidence of the canary")
    traffic.hold()
    expect(page.get_by_text("Trial of the challenger")).to_be_visible()
    expect(page.get_by_text(re.compile("v2 answers (10|50|100)% of the requests")).first).to_be_visible()
    expect(page.get_by_text("labelled rows that both models scored")).to_be_visible()
    traffic.go_on()
    job = wait_for(lambda: (now := queue.read_job(product.log, job_id)).is_final and now)
    traffic.stop()
    assert job.state == "promoted", job.note
    expect(page.get_by_text(re.compile("is promoted: v2 serves since"))).to_be_visible()
    settle(page)
    assert registry.read_alias(product.log, MODEL, "champion") == "v2"
    trial = job.result["canary"]
    assert trial["share"] == 1.0
    shares = [point["share"] for point in trial["history"]]
    assert shares == sorted(shares), "the share only grew"
    assert trial["interval"][0] > -0.01
    # Whoever met the canary stayed with it: nobody went back to the old model.
    assert all(met == sorted(met) for met in traffic.versions.values())
    assert any(len(set(met)) == 2 for met in traffic.versions.values())
    assert traffic.n > 300

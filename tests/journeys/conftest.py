"""A real server, a real worker and a real browser for the journeys of people through the product."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from drift.data.windows import Column
from retrain.models import artifacts, recipes
from storage import PredictionLog, open_log
from storage.database.settings import Settings
from storage.jobs.workers import read_live_workers
from storage.models import registration
from tests.conftest import ROOT, require
from tests.patience import PATIENCE, wait_for
from tests.retrain.fake_channel import SECRET

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
MODEL = "loans"
N_ROWS, N_TRAINED, DRIFT_AT = 6_000, 3_000, 3_500
COLUMNS = (
    Column("income", "numeric"),
    Column("age", "numeric"),
    Column("region", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)


@dataclass(frozen=True)
class Product:
    """A running product: its address and what it keeps its data in."""

    url: str
    log: PredictionLog


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; no other one is downloaded."""
    require(CHROMIUM.exists(), "chromium")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * 1_000)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def product(log: PredictionLog, settings: Settings, request: pytest.FixtureRequest) -> Iterator[Product]:
    """The product on a log of loans whose incomes moved, so that the champion is wrong about half of them.

    A journey that is marked `empty` begins without a model; one that takes `hook` has it for its channel.
    """
    if request.node.get_closest_marker("empty") is None:
        fill(log, settings.artifacts)
    server_log = settings.artifacts.parent / "server.log"
    channel = {"DRIFT_ALERT_URL": request.getfixturevalue("hook").url} if "hook" in request.fixturenames else {}
    with served(settings, server_log, **channel) as url:
        yield Product(url, log)
    assert SECRET not in server_log.read_text(encoding="utf-8")


@pytest.fixture
def page(browser, product: Product):
    """A page whose console stays free of errors, and which calls no other host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE * 1_000)
    page = context.new_page()
    own, faults = urlsplit(product.url).netloc, []
    page.on("request", lambda r: faults.append(f"called {r.url}") if is_elsewhere(r.url, own) else None)
    page.on("websocket", lambda w: faults.append(f"called {w.url}") if is_elsewhere(w.url, own) else None)
    page.on("console", lambda m: faults.append(f"{m.text} ({m.location})") if is_fault(m) else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


def is_elsewhere(url: str, own: str) -> bool:
    """Whether a request leaves the product's own server."""
    return urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own


def is_fault(message) -> bool:
    """Whether the console reports an error.

    On a link to a page other than the first one Streamlit looks for its server below that page before it looks at the
    root: `/columns/_stcore/health` is not there by design.
    """
    probe = re.search(r"//[^/]+/\w+/_stcore/(health|host-config)$", message.location.get("url", ""))
    return message.type == "error" and probe is None


def settle(page) -> None:
    """Wait until the script has run and the browser has drawn what it said."""
    from playwright.sync_api import expect

    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def choose(page, label: str, option: str) -> None:
    """Choose from a select box; a page that is drawn anew in that moment closes it, so it may be opened again."""
    from playwright.sync_api import TimeoutError as NotThere

    wanted = page.get_by_role("option", name=option, exact=True)

    def is_chosen() -> bool:
        page.get_by_label(label, exact=True).press("ArrowDown")
        try:
            wanted.click(timeout=3_000)
            return True
        except NotThere:
            page.get_by_label(label, exact=True).press("Escape")
            return False

    wait_for(is_chosen, f"the option {option}")
    settle(page)


@contextmanager
def served(settings: Settings, server_log: Path, *, demo: bool = False, **more: str) -> Iterator[str]:
    """Run the product as the README says, with more variables, until the block ends; yield its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRIFT_")}
    environment |= {"DRIFT_DATABASE_URL": settings.database_url, "DRIFT_ARTIFACTS": str(settings.artifacts)}
    environment |= {"DRIFT_DEMO": "1" if demo else "0"}
    port = free_port()
    environment |= {"DRIFT_BOARD_URL": f"http://127.0.0.1:{port}", **more}
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    command += ["--server.fileWatcherType", "none"]
    with server_log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(url := f"http://127.0.0.1:{port}", server, server_log)
            yield url
        finally:
            server.terminate()
            server.wait(PATIENCE)
            stop_workers(settings)


def wait_until_healthy(url: str, server: subprocess.Popen, server_log: Path) -> None:
    """Wait for the server; an unknown address answers 200 as well, so the body counts."""

    def is_healthy() -> bool:
        assert server.poll() is None, f"the server has ended:\n{server_log.read_text(encoding='utf-8')}"
        with suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=PATIENCE) as answer:
            healthy: bool = answer.read() == b"ok"
            return healthy
        return False

    wait_for(is_healthy, "the server's health")


def stop_workers(settings: Settings) -> None:
    """End the workers that this product started at once; one with work left outlives the dashboard on purpose."""
    log = open_log(settings.database_url)
    for worker in read_live_workers(log):
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)
    wait_for(lambda: not read_live_workers(log), "the end of every worker")
    log.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fill(log: PredictionLog, models: Path) -> None:
    """Fill a log: a champion trained on the first rows, then incomes that moved and decisions that moved with them."""
    rows, labels = simulated_loans()
    trained = rows.iloc[:N_TRAINED]
    champion = recipes.fit("tabular", trained, labels[:N_TRAINED], COLUMNS)
    answers = champion.predict(rows)
    log.register(MODEL, COLUMNS)
    ids = [f"r{k}" for k in range(N_ROWS)]
    log.append(MODEL, rows.assign(request_id=ids, prediction=answers.labels, score=answers.scores, version="v1"))
    log.label(MODEL, ids, labels)
    log.freeze_reference(MODEL, "training", rows=N_TRAINED)
    stored = artifacts.save(champion, models, "loans-v1")
    params = {"recipe": "tabular", "features": list(champion.columns), "classes": list(champion.classes)}
    params |= {"data_end": rows["predicted_at"].iloc[N_TRAINED].isoformat()}
    registration.register_version(
        log, MODEL, uri=stored.uri, sha256=stored.sha256, created_by="seed", params=params, champion=True
    )


def simulated_loans() -> tuple[pd.DataFrame, list[str]]:
    """Return rows in time order and their true classes."""
    rng = np.random.default_rng(7)
    moved = np.arange(N_ROWS) >= DRIFT_AT
    middle = np.where(moved, 90.0, 50.0)
    income = rng.normal(middle, 10.0)
    end = datetime.now(UTC).replace(microsecond=0)
    rows = pd.DataFrame(
        {
            "predicted_at": [end - timedelta(minutes=5 * k) for k in range(N_ROWS, 0, -1)],
            "income": income,
            "age": rng.normal(40.0, 12.0, N_ROWS).round(),
            "region": rng.choice(["north", "south", "west"], N_ROWS),
        }
    )
    noise = rng.normal(0, 3.0, N_ROWS)
    return rows, ["granted" if repays else "refused" for repays in income + noise > middle]

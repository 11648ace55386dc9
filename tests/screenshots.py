"""`python -m tests.screenshots`: draw the README's pictures anew from the demo, in light and in dark.

The Retrain page is shown at the moment that matters: a job has been run on the demo and waits for a person.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from storage import PredictionLog, jobs, open_log
from storage.settings import Settings
from tests.journeys.conftest import CHROMIUM, ROOT, served, settle

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1440, "height": 900}
PAGES = {"overview": "", "columns": "columns", "predictions": "performance", "retrain": "retrain"}
MODEL = "reviews"
COLUMN = "oov_share"


def main() -> None:
    """Build the demo in a temporary folder, serve it and write one picture per page and colour scheme."""
    expect.set_options(timeout=60_000)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="drift-") as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/drift.db", artifacts=Path(folder) / "models")
        build_demo(settings)
        log = open_log(settings.database_url)
        with served(settings, Path(folder) / "server.log") as url, sync_playwright() as playwright:
            wait_for_approval(log)
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            for scheme in ("light", "dark"):
                take_pictures(browser, url, scheme)
            browser.close()
        log.close()


def build_demo(settings: Settings) -> None:
    """Fill the database as a first run does."""
    environment = os.environ | {
        "DRIFT_DATABASE_URL": settings.database_url,
        "DRIFT_ARTIFACTS": str(settings.artifacts),
    }
    subprocess.run([sys.executable, "-m", "seed", "--demo"], check=True, cwd=ROOT, env=environment)


def wait_for_approval(log: PredictionLog) -> None:
    """Start a retrain and wait until it needs a person, or has ended for another reason."""
    reason = "New words in the reviews since last week; accuracy fell."
    job_id = jobs.start(log, MODEL, reason, "ana").job_id
    deadline = time.monotonic() + 300
    while not (job := jobs.job(log, job_id)).is_final and job.state != "waiting_approval":
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} must be waiting for approval within 300 s; got {job.state}: {job.note}.")
        time.sleep(0.5)
    print(f"job {job_id}: {job.state}. {job.note}")


def take_pictures(browser: Browser, url: str, scheme: str) -> None:
    """Write the picture of every page in one colour scheme."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto(f"{url}/{path}?model={MODEL}&column={COLUMN}")
        settle(page)
        expect(page.get_by_test_id("stSpinner")).to_have_count(0)
        page.wait_for_timeout(1_000)  # charts and tables fade in
        page.screenshot(path=IMAGES / f"{name}_{scheme}.png", animations="disabled")
        print(f"docs/images/{name}_{scheme}.png")
    context.close()


if __name__ == "__main__":
    main()

"""`python -m tests.screenshots [NAME ...]`: draw the pictures of README and its chapters anew, in light and in dark.

They show the demo. The Retrain page is shown at the moment that matters: a job has been run and waits for a person; the
Lesson page once a simulation has drifted, was retrained and has recovered.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from storage import PredictionLog, open_log
from storage.database.settings import Settings
from storage.jobs import decisions, queue
from tests.journeys.conftest import CHROMIUM, ROOT, served, settle

IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1440, "height": 900}
PAGES = {"overview": "", "columns": "columns", "predictions": "performance", "retrain": "retrain"}
LESSON = "lesson"
MODEL = "reviews"
COLUMN = "oov_share"


def main(names: Sequence[str]) -> None:
    """Build the demo in a temporary folder, serve it and write one picture per page and colour scheme."""
    names = names or [*PAGES, LESSON]
    pages = {name: f"{path}?model={MODEL}&column={COLUMN}" for name, path in PAGES.items() if name in names}
    expect.set_options(timeout=60_000)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="drift-") as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/drift.db", artifacts=Path(folder) / "models")
        build_demo(settings)
        log = open_log(settings.database_url)
        with served(settings, Path(folder) / "server.log") as url, sync_playwright() as playwright:
            if "retrain" in pages:
                start_retrain(log, MODEL, "New words in the reviews since last week; accuracy fell.")
            arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            for scheme in ("light", "dark"):
                take_pictures(browser, url, scheme, pages)
            if LESSON in names:
                play_lesson(browser, url, log)
                for scheme in ("light", "dark"):
                    take_pictures(browser, url, scheme, {LESSON: f"{LESSON}?model={LESSON}"})
            browser.close()
        log.close()


def build_demo(settings: Settings) -> None:
    """Fill the database as a first run does."""
    environment = os.environ | {
        "DRIFT_DATABASE_URL": settings.database_url,
        "DRIFT_ARTIFACTS": str(settings.artifacts),
    }
    subprocess.run([sys.executable, "-m", "seed", "--demo"], check=True, cwd=ROOT, env=environment)


def start_retrain(log: PredictionLog, model: str, reason: str) -> int:
    """Start a retrain and wait until it needs a person, or has ended for another reason; return the job's number."""
    job_id = queue.start(log, model, reason, "ana").job_id
    wait_for_job(log, job_id, "waiting_approval")
    return job_id


def wait_for_job(log: PredictionLog, job_id: int, state: str) -> None:
    """Wait until a job is in a state, or has ended."""
    deadline = time.monotonic() + 300
    while not (job := queue.read_job(log, job_id)).is_final and job.state != state:
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} must be {state} within 300 s; got {job.state}: {job.note}.")
        time.sleep(0.5)
    print(f"job {job_id}: {job.state}. {job.note}")


def play_lesson(browser: Browser, url: str, log: PredictionLog) -> None:
    """Let a simulation drift, be retrained and recover; then stop it, so that both pictures show the same."""
    page = browser.new_page()
    page.goto(f"{url}/{LESSON}")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_text(re.compile("the alarm came"))).to_be_visible()
    job_id = start_retrain(log, LESSON, "Slang in the reviews: accuracy fell.")
    decisions.approve(log, job_id, "ben", "It knows the new words.")
    wait_for_job(log, job_id, "promoted")
    expect(page.get_by_text(re.compile(r"serves since row .* since \(n = "))).to_be_visible()
    page.wait_for_timeout(20_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Go on with")).to_be_visible()
    page.close()


def take_pictures(browser: Browser, url: str, scheme: str, pages: Mapping[str, str]) -> None:
    """Write the picture of every page in one colour scheme."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]  # Playwright names its two schemes, main gives no other
    page = context.new_page()
    for name, path in pages.items():
        page.goto(f"{url}/{path}")
        settle(page)
        expect(page.get_by_test_id("stSpinner")).to_have_count(0)
        page.wait_for_timeout(1_000)  # charts and tables fade in
        page.screenshot(path=IMAGES / f"{name}_{scheme}.png", animations="disabled")
        print(f"docs/images/{name}_{scheme}.png")
    context.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=main.__doc__)
    # With nargs="*", `choices` would refuse that no name is given.
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*PAGES, LESSON])} (default: all)")
    named = parser.parse_args().names
    if unknown := sorted({*named} - {*PAGES, LESSON}):
        parser.error(f"names must be of {', '.join([*PAGES, LESSON])}; got {', '.join(unknown)}.")
    main(named)

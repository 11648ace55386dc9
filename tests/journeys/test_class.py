"""A class: on an empty database a simulation is played, alarms, is retrained and recovers, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from storage.jobs import queue, runs
from storage.jobs.lessons import HISTORY_ROWS, read_newest_lesson
from storage.models import registry
from tests.journeys.conftest import Product, choose, settle
from tests.patience import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.empty]

MODEL = "lesson"


def accuracy(log, version: str) -> float:
    rows = log.read_rows(MODEL, labelled_only=True)
    # The newest of each version: under the drift for both.
    own = rows[rows["version"] == version].iloc[-400:]
    return float((own["prediction"] == own["label"]).mean())


def test_a_class_sees_a_drift_an_alarm_a_retrain_and_the_recovery(page: Page, product: Product):
    page.goto(product.url)
    settle(page)
    page.get_by_role("link", name="open the lesson").click()
    settle(page)
    page.get_by_role("tab", name="8 The pipeline").click()
    expect(page.get_by_text("A person knows what is going on")).to_be_hidden()
    page.get_by_role("tabpanel", name="8 The pipeline").get_by_text("Answer").click()
    expect(page.get_by_text("A person knows what is going on")).to_be_visible()

    choose(page, "The drift begins", "after 5,000 rows")
    page.get_by_role("button", name="Play").click()
    run = wait_for(lambda: (now := read_newest_lesson(product.log)) and now.n_done > HISTORY_ROWS and now, "live rows")
    runs.ask_to_stop(product.log, run.id)  # so that the drift waits until everybody has seen the board
    expect(page.get_by_text(re.compile("Truth: still healthy"))).to_be_visible()
    # The whole board has turned to the new model.
    expect(page).to_have_url(re.compile(r"/lesson\?model=lesson"))
    settle(page)
    page.get_by_test_id("stCheckbox").locator("visible=true").click()
    expect(
        page.get_by_text(re.compile("No healthy window of 1,000 live rows yet|In .+ looks at healthy rows"))
    ).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Go on with lesson").click()
    expect(page.get_by_text(re.compile(r"In \d+ looks at healthy rows a plain p < 0\.05 rang"))).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"the drift began at row 14,600; the alarm came \d+ rows later"))
    ).to_be_visible()
    expect(page.get_by_text(re.compile("Accuracy fell since about"))).to_be_visible()

    page.get_by_role("link", name="Open Retrain").last.click()
    expect(page.get_by_text("A retrain can start")).to_be_visible()
    settle(page)
    page.get_by_label("Your name").fill("ana")
    page.get_by_role("textbox", name="Reason", exact=True).locator("visible=true").first.fill("slang in the reviews")
    page.get_by_role("button", name="Start retrain").click()
    expect(page.get_by_text("waits for your decision")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("is promoted: v2 serves since")).to_be_visible()

    page.get_by_role("link", name="Lesson").click()
    recovered = re.compile(r"v2 serves since row [\d,]+: 9\d\.\d% right since \(n = [\d,]+\), 7\d\.\d% when")
    expect(page.get_by_text(recovered)).to_be_visible()
    expect(page.get_by_text(re.compile("Stable: none of"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Go on with lesson")).to_be_visible()
    settle(page)

    run = read_newest_lesson(product.log)
    assert run is not None
    assert (run.model, run.state, run.note) == (MODEL, "stopped", "stopped as asked")
    assert run.n_done == product.log.n_rows(MODEL)
    assert len(runs.read_runs(product.log)) == 1
    assert registry.read_alias(product.log, MODEL, "champion") == "v2"
    (job,) = queue.read_jobs(product.log, MODEL)
    assert (job.state, job.decided_by) == ("promoted", "ana")
    assert accuracy(product.log, "v1") < 0.85 < accuracy(product.log, "v2")

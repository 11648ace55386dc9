"""On call: from the verdict to the column, the retrain, the approval and the new champion, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from storage.jobs import queue
from storage.models import registry
from tests.journeys.conftest import MODEL, Product, settle

pytestmark = pytest.mark.slow


def test_from_the_verdict_to_a_promoted_challenger(page: Page, product: Product):
    page.goto(product.url)
    settle(page)
    expect(page.get_by_text(re.compile("^Drift since .*windows running"))).to_be_visible()
    expect(page.get_by_text("income moved most at first")).to_be_visible()

    table = page.get_by_test_id("stDataFrame").first
    table.click(position={"x": 15, "y": 38 + 29 + 14})  # the mark before the second row; the table is a canvas
    expect(page.get_by_text("score · distribution")).to_be_visible()
    settle(page)
    page.get_by_role("link", name="In depth").click()
    settle(page)
    expect(page).to_have_url(re.compile(r"/columns\?.*column=score"))

    page.get_by_role("link", name="Retrain").click()
    settle(page)
    expect(page.get_by_text("A retrain can start")).to_be_visible()
    page.get_by_role("button", name="Start retrain").click()
    expect(page.get_by_text("A reason must be given")).to_be_visible()

    page.get_by_label("Your name").fill("ana")
    page.get_by_role("textbox", name="Reason", exact=True).locator("visible=true").first.fill("incomes moved")
    page.get_by_role("button", name="Start retrain").click()
    expect(page.get_by_text("waits for your decision")).to_be_visible()
    settle(page)
    (job,) = queue.read_jobs(product.log, MODEL)
    assert (job.reason, job.requested_by) == ("incomes moved", "ana")

    page.get_by_label("Note").fill("recall is better")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("is promoted: v2 serves since")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Approved by ana\.")).first).to_be_visible()
    settle(page)
    assert registry.read_alias(product.log, MODEL, "champion") == "v2"
    assert queue.read_job(product.log, job.id).decision_note == "recall is better"

    page.get_by_text("Log", exact=True).click()
    expect(page.get_by_text("== train, attempt 1 ==")).to_be_visible()
    page.get_by_text("Roll back, or promote another version").click()
    page.get_by_placeholder("what went wrong?").fill("complaints from the north")
    page.get_by_role("button", name="Roll back: v1 serves again").click()
    expect(page.get_by_text(re.compile("v1 serves again instead of v2", re.IGNORECASE))).to_be_visible()
    expect(page.get_by_text("was promoted and serves no more")).to_be_visible()
    settle(page)
    assert registry.read_alias(product.log, MODEL, "champion") == "v1"

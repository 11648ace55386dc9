"""Called at 3 a.m.: from a drift to one message, by its link to the view, and what the board says when nobody hears."""

import re

import pytest
from playwright.sync_api import Page, expect

from storage import alerts
from storage.engine import writing
from storage.jobs import start_within
from tests.journeys.conftest import MODEL, Product, settle
from tests.patience import wait_for
from tests.retrain.fake_channel import FakeChannel, Reply

pytestmark = pytest.mark.slow


def test_from_a_drift_to_the_view_that_shows_it(page: Page, product: Product, hook: FakeChannel):
    wait_for(lambda: hook.messages)
    (message,) = hook.messages
    assert "Drift alarm on loans" in message["text"]
    link = message["text"].rpartition(": ")[2]
    assert link == message["board_url"]
    page.goto(link)
    settle(page)
    expect(page.get_by_text(re.compile("^Drift since .*windows running"))).to_be_visible()
    expect(page.get_by_text(f"{message['columns'][0]} · distribution")).to_be_visible()
    expect(page.get_by_text("Alerts have not been delivered")).to_have_count(0)
    settle(page)
    assert page.url == link

    hook.usual = Reply(404)
    with writing(product.log.engine) as connection:
        start_within(connection, MODEL, "incomes moved", "trigger 1", "drift", state="proposed")
    wait_for(lambda: alerts.read_delivery(product.log).failing_since)
    page.reload()
    settle(page)
    said = re.compile(r"Alerts have not been delivered since \d\d:\d\d UTC: the channel answered 404")
    expect(page.get_by_text(said)).to_be_visible()

    hook.usual = Reply()
    page.goto(hook.messages[-1]["board_url"])
    settle(page)
    expect(page.get_by_text("Job 1 is proposed by trigger 1: incomes moved")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    settle(page)
    page.get_by_role("tab", name="Alerts").click()
    page.get_by_label("Your name").fill("ana")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The channel answered 200.")).to_be_visible()
    settle(page)
    # What waited is sent at once, and what was sent is not sent again.
    wait_for(lambda: not alerts.read_delivery(product.log).n_pending)
    kinds = [one["kind"] for one in hook.messages]
    assert (kinds.count("alarm"), kinds.count("test")) == (1, 1)
    assert kinds.count("job waits") > 1, "refused at first"
    assert [one.state for one in alerts.read_alerts(product.log)] == ["sent", "sent"]

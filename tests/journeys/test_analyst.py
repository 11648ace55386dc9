"""An analyst: a window, another one to compare it with, the parts of the traffic, and files to take away."""

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from drift.data.windows import LastRows
from tests.journeys.conftest import DRIFT_AT, MODEL, N_ROWS, Product, choose, settle

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"


def day(product: Product, row: int) -> str:
    """Return when a row was logged, as an address writes it."""
    at = product.log.read_rows(MODEL, LastRows(N_ROWS), limit=1, offset=row)["predicted_at"].iloc[0]
    return f"{at:%Y-%m-%dT%H:%MZ}"


def test_from_a_window_over_a_comparison_to_files(page: Page, product: Product, tmp_path: Path):
    page.goto(f"{product.url}/columns?column=income")
    settle(page)
    page.get_by_text("500 rows", exact=True).click()
    settle(page)
    expect(page.get_by_text(re.compile("reference values were .*Alarm on"))).to_be_visible()

    # Against the window just before, which had drifted as well, nothing moved: and the mark of the column says so.
    page.get_by_text("vs a time", exact=True).click()
    settle(page)
    expect(page).to_have_url(re.compile(r"reference=2\d{3}-.*%2F2\d{3}-"))
    expect(page.get_by_text(re.compile("Within chance: KS distance"))).to_be_visible()
    expect(page.get_by_label("Column", exact=True)).to_have_value("● income")

    # Any two windows, by a link: before the drift and in it.
    before, within = [f"{day(product, a)}/{day(product, b)}" for a, b in ((500, 1_500), (DRIFT_AT + 500, N_ROWS - 500))]
    page.goto(f"{product.url}/columns?model={MODEL}&column=income&window={within}&reference={before}")
    settle(page)
    expect(page.get_by_text(re.compile("reference values were .*KS distance"))).to_be_visible()
    expect(page.get_by_label("Column", exact=True)).to_have_value("■ income")
    choose(page, "By", "region")
    expect(page.get_by_text("p is adjusted over the categories")).to_be_visible()

    page.get_by_role("button", name="Did the columns change together?").click()
    expect(page.get_by_text(re.compile("A classifier tells rows of the window"))).to_be_visible()
    settle(page)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export the window").click()
    download.value.save_as(tmp_path / "window.csv")
    exported = pd.read_csv(tmp_path / "window.csv")
    assert len(exported) == N_ROWS - 500 - (DRIFT_AT + 500)
    expect(page.get_by_text(re.compile(rf"^Rows of the window .*, n = {len(exported):,}$"))).to_be_visible()
    assert exported["predicted_at"].str.endswith("+0000").all()
    chart = page.get_by_test_id("stPlotlyChart").first
    chart.hover()
    with page.expect_download() as download:
        chart.locator(".modebar-btn").click()
    download.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(PNG)

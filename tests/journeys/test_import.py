"""A new user: an empty board, a file with bad rows, columns mapped by hand, and the board of a model."""

import csv
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from drift.data.windows import Column
from storage.database.audit import read_audit
from storage.writing.unreadable import read_unreadable
from tests.journeys.conftest import Product, choose, settle, simulated_loans
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.empty]

BAD = {40: ("income", "a lot"), 2_500: ("at", "yesterday"), 4_700: ("income", "?")}
HOSTILE = "![x](http://192.0.2.1/p.png)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Loans as another program logged them: names of its own, three bad cells, an id that comes twice, free remarks."""
    rows, labels = simulated_loans()
    rows = rows.assign(ref=[f"r{k}" for k in range(len(rows))], decision=labels, paid=labels, **{HOSTILE: "x"})
    rows = rows.rename(columns={"predicted_at": "at"}).astype(object)
    rows["at"] = [f"{at:%Y-%m-%d %H:%M:%S}" for at in rows["at"]]
    for row, (column, value) in BAD.items():
        rows.loc[row, column] = value
    rows.loc[5_000, "ref"] = "r17"
    path = tmp_path / "loans 2026.csv"
    rows.to_csv(path, index=False)
    return path


def test_from_an_empty_board_over_a_file_with_bad_rows_to_the_board_of_a_model(
    page: Page, product: Product, file: Path, tmp_path: Path
):
    page.goto(product.url)
    settle(page)
    page.get_by_role("link", name="Upload a file and choose its columns").click()
    settle(page)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("What each column becomes")).to_be_visible()
    settle(page)
    expect(page.get_by_text("loans 2026.csv · 6,000 rows")).to_be_visible()
    expect(page.get_by_text("Left out for their names")).to_be_visible()
    expect(page.get_by_label("Time of the prediction", exact=True)).to_have_value("at")
    choose(page, "Prediction", "decision")
    choose(page, "Label", "paid")
    choose(page, "Request id", "ref")
    expect(page.get_by_text("1 of the first 6,000 rows will be rejected, the others land")).to_be_visible()
    expect(page.get_by_text("will be missing: 2 of income; the first is row 41")).to_be_visible()
    model = page.get_by_label("Model", exact=True)
    model.fill("loans")
    model.press("Enter")
    settle(page)
    page.get_by_label("Your name").fill("ana")
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_text("The import of loans 2026.csv has begun")).to_be_visible()
    page.get_by_role("link", name="Retrain").click()  # it goes on without the page
    settle(page)
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("5,998 rows are in the log, 2 rejected.")).to_be_visible()
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the list").click()
    download.value.save_as(tmp_path / "rejected.csv")
    with (tmp_path / "rejected.csv").open(encoding="utf-8") as rejected:
        listed = {int(row["row"]): row["error"] for row in csv.DictReader(rejected)}
    assert sorted(listed) == [2_501, 5_001]
    assert "yesterday" in listed[2_501]
    assert listed[5_001].startswith("ref must be new")

    page.get_by_role("link", name="Open the board of loans").click()
    settle(page)
    expect(page).to_have_url(re.compile(r"model=loans"))
    expect(page.get_by_text(re.compile("^Drift since .*"))).to_be_visible()
    log = product.log
    assert log.n_rows("loans") == 5_998
    assert [(total.column, total.n) for total in read_unreadable(log, "loans")] == [("income", 2)]
    assert [(reference.name, reference.n) for reference in log.references("loans")] == [("training", 2_000)]
    assert Column("prediction", "categorical", "prediction") in log.columns("loans")
    assert {(entry.actor, entry.action) for entry in read_audit(log, "loans")} == {("ana", "import"), ("ana", "freeze")}
    left = [path.name for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
    assert sorted(left) == ["import.log", "rejected.csv", "request.json"], "the uploaded file is gone"


def refused(url: str, **headers: str) -> tuple[int, str]:
    """Return the status and the policy of the answer to a file that is sent past the page."""
    address = f"{url}/_stcore/upload_file/some-session/some-file"
    request = urllib.request.Request(address, b"ts,a", headers, method="PUT")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=PATIENCE)
    with error.value as answer:
        return answer.code, answer.headers["Content-Security-Policy"]


def test_no_file_comes_in_past_the_page(product: Product, tmp_path: Path):
    code, policy = refused(product.url)
    assert code == 403, "without the token against forged requests"
    assert policy.startswith("default-src 'self'")
    token = "2|00000000|0123456789abcdef0123456789abcdef|1790000000"
    forged = refused(product.url, Cookie=f"_streamlit_xsrf={token}", **{"X-Xsrftoken": token})
    assert forged[0] in (400, 403), "no page of this server is open under that session"
    assert not (tmp_path / "uploads").exists()

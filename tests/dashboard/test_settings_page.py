"""The Settings page without a browser: files taken in, models told, references frozen, nothing secret shown."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.background import imports, uploads
from dashboard.settings.facts import board_text, tokens_text
from drift.data.windows import Column, LastRows
from storage.database.audit import read_audit
from storage.jobs import runs
from storage.jobs.lessons import Lesson
from tests.dashboard.conftest import BOARD, HOSTILE, N_ROWS
from tests.patience import PATIENCE, wait_for

START = datetime(2026, 9, 1, tzinfo=UTC)
GOOD = [
    f"{START + timedelta(minutes=k):%Y-%m-%dT%H:%M:%S},{k % 9},{'web' if k % 3 else 'app'},yes,r{k}" for k in range(300)
]
HEADER = "ts,amount,channel,y_pred,id"


@pytest.fixture
def settings_board(log):
    return settings_page()


def settings_page():
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE)
    page.switch_page("views/settings.py")
    return page.run()


def said(page):
    assert [error.value for error in page.exception] == []
    kinds = (page.markdown, page.caption, page.text, page.error, page.warning, page.success)
    return "\n".join(str(part.value) for kind in kinds for part in kind).replace("\\", "")


def upload(page, *lines, name="2026 loans.csv"):
    page.file_uploader[0].upload(name, "\n".join(lines).encode()).run()
    return said(page)


def chosen(page):
    """Return what the select boxes of the mapping hold, by their labels."""
    return {box.label: box.value for box in page.selectbox if box.value is not None}


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    return said(page)


def wait_for_imports(settings, log):
    wait_for(lambda: all(found.state != "running" for found in imports.all_imports(settings, log)))
    return imports.all_imports(settings, log)


@pytest.mark.slow
def test_without_a_model_a_file_can_be_imported(settings_board, settings, log):
    assert "No model is watched yet" in said(settings_board)
    words = upload(settings_board, HEADER, *GOOD, "never,1,web,yes,x1")
    assert "1 of the first 301 rows will be rejected" in words
    found = {"Time of the prediction": "ts", "Prediction": "y_pred", "Request id": "id"}
    assert chosen(settings_board) == found
    becomes = settings_board.dataframe[0].value.set_index("column")["becomes"]
    assert becomes.to_dict() == {
        **{"ts": "time of the prediction", "amount": "feature", "channel": "feature"},
        **{"y_pred": "prediction", "id": "request id"},
    }
    assert "Your name must be given" in press(settings_board, "Import")
    assert imports.all_imports(settings, log) == ()
    settings_board.text_input(key="actor").input("ana").run()
    assert "The import of 2026 loans.csv has begun" in press(settings_board, "Import")
    (done,) = wait_for_imports(settings, log)
    assert (done.state, done.n_accepted) == ("done", 300)
    words = said(settings_board.run())
    assert "300 rows are in the log, 1 rejected." in words
    assert "The reference 'training' holds the first 100 rows." in words
    assert "never" in str(settings_board.dataframe[0].value["reason"][0])
    assert log.models() == ("loans",)
    assert log.columns("loans") == (
        *(Column("amount", "numeric"), Column("channel", "categorical")),
        Column("prediction", "categorical", "prediction"),
    )
    assert done.upload.file is None


@pytest.mark.slow
def test_a_file_is_taken_as_a_person_says_and_not_as_it_was_guessed(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD)
    token = next(box.key for box in settings_board.selectbox if box.label == "Prediction").split()[0]
    settings_board.text_input(key=f"{token} model").input("mine")
    settings_board.selectbox(key=f"{token} request_id").set_value(None)
    settings_board.multiselect(key=f"{token} ignore").set_value(["id", "channel"])
    settings_board.multiselect(key=f"{token} categorical").set_value(["amount"])
    settings_board.text_input(key="actor").input("ana").run()
    press(settings_board, "Import")
    wait_for_imports(settings, log)
    assert log.columns("mine") == (Column("amount", "categorical"), Column("prediction", "categorical", "prediction"))
    assert not log.read_rows("mine")["request_id"].notna().any()


@pytest.mark.slow
def test_rows_come_into_a_model_that_exists_only_by_consent(settings_board, reviews, settings):
    lines = ["predicted_at,length,request_id", *(f"2026-09-01T00:00:{k:02},{k},n{k}" for k in range(30))]
    words = upload(settings_board.run(), *lines, name="reviews.csv")
    assert f"Model reviews exists: {N_ROWS:,} rows" in words
    assert "Added rows cannot be taken back" in words
    settings_board.text_input(key="actor").input("ana").run()
    (button,) = (button for button in settings_board.button if button.label == "Import")
    assert button.disabled
    settings_board.checkbox[0].check().run()
    press(settings_board, "Import")
    wait_for_imports(settings, reviews)
    assert reviews.n_rows("reviews") == N_ROWS + 30
    assert [reference.name for reference in reviews.references("reviews")] == ["training"]


@pytest.mark.slow
def test_a_name_that_is_changed_as_the_button_is_pressed_counts(settings_board, reviews, settings):
    upload(settings_board, HEADER, *GOOD)
    settings_board.text_input(key="actor").input("ana").run()
    token = next(box.key for box in settings_board.selectbox if box.label == "Prediction").split()[0]
    # Both reach the server at once: the button that is pressed was drawn for the old name.
    settings_board.text_input(key=f"{token} model").input("reviews")
    assert "Model reviews exists: say below whether to add the rows to it" in press(settings_board, "Import")
    settings_board.text_input(key=f"{token} model").input("mine").run()
    settings_board.text_input(key=f"{token} model").input("others")
    press(settings_board, "Import")
    wait_for_imports(settings, reviews)
    assert (reviews.models(), reviews.n_rows("reviews")) == (("reviews", "others"), N_ROWS)


@pytest.mark.slow
def test_a_reference_before_a_time_needs_the_time(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD)
    settings_board.text_input(key="actor").input("ana").run()
    how = next(part for part in settings_board.segmented_control if part.label.startswith("Reference"))
    how.set_value("until").run()
    assert "The time before which rows become the reference must be given" in press(settings_board, "Import")
    settings_board.datetime_input[0].set_value(START.replace(hour=1, tzinfo=None)).run()
    press(settings_board, "Import")
    wait_for_imports(settings, log)
    assert log.references("loans")[0].n == 60


@pytest.mark.slow
def test_the_same_content_is_not_taken_twice(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD)
    settings_board.text_input(key="actor").input("ana").run()
    press(settings_board, "Import")
    wait_for_imports(settings, log)
    words = upload(settings_board.run(), HEADER, *GOOD)
    assert "This content was imported into loans" in words
    assert "Import" not in [button.label for button in settings_board.button]


@pytest.mark.parametrize(
    ("lines", "must"),
    [
        (["ts;a", "2026-09-01;1"], "must separate its columns by commas"),
        (["ts,a"], "must hold at least one readable row"),
        (["ts,a,a", "2026-09-01,1,2"], "must name each column once"),
        (["a,b", "1,2"], "The time of the prediction must be a column of the file"),
        (["ts", "2026-09-01"], "must hold a column to compare beside 'ts'"),
        (["ts,a", "1066-10-14T00:00:00,1"], "None of the first 1 rows can be read"),
        (["ts,a", "01/02/2026,1"], "say --time-format day-first or --time-format month-first"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence_under_its_own_name(settings_board, lines, must):
    words = upload(settings_board, *lines)
    assert must in words
    assert "upload.csv" not in words
    assert "Import" not in [button.label for button in settings_board.button]
    press(settings_board, "Take another file")
    assert len(settings_board.file_uploader) == 1


def test_a_parquet_file_with_damaged_pages_is_told_and_another_can_be_taken(settings_board, tmp_path):
    path = tmp_path / "whole.parquet"
    times = pd.date_range(START, periods=300, freq="min")
    pd.DataFrame({"ts": times, "amount": range(300), "channel": "web"}).to_parquet(path)
    damaged = bytearray(path.read_bytes())
    damaged[20:400] = b"\xff" * 380
    settings_board.file_uploader[0].upload("loans.parquet", bytes(damaged)).run()
    assert "oans.parquet must be a whole Parquet file, and a part of it is damaged" in said(settings_board)
    press(settings_board, "Take another file")
    assert len(settings_board.file_uploader) == 1


@pytest.mark.slow
def test_what_became_of_an_import_is_told_by_what_is_there(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD, "never,1,web,yes,x1")
    settings_board.text_input(key="actor").input("ana").run()
    next(box for box in settings_board.number_input if box.label == "Rows").set_value(5_000).run()
    press(settings_board, "Import")
    (done,) = wait_for_imports(settings, log)
    assert "The reference 'training' holds the first 300 rows." in said(settings_board.run())
    assert len(settings_board.get("download_button")) == 1
    done.upload.rejected.unlink()
    assert "Of 1 rejected rows the reasons are not listed here." in said(settings_board.run())
    assert not settings_board.get("download_button")


def test_simulations_push_no_import_out_of_the_list(settings_board, log):
    runs.begin(log, "loans", "loans.csv", 10, "f")
    for k in range(12):
        lesson = Lesson(model=f"lesson-{k}", scenario="concept")
        runs.begin(log, lesson.model, lesson.source, lesson.n_rows, lesson.fingerprint)
    said(settings_board.run())
    assert any("loans.csv" in str(table.value) for table in settings_board.dataframe)


def test_names_that_could_do_harm_are_left_out_and_shown_as_they_are(settings_board):
    words = upload(settings_board, f'ts,"{HOSTILE}",a', "2026-09-01T00:00:00,1,2", name=f"{HOSTILE}.csv")
    assert settings_board.multiselect[0].value == [HOSTILE]
    assert "column must be named by a letter" in words
    raw = [str(part.value) for kind in (settings_board.markdown, settings_board.caption) for part in kind]
    assert not any("![x]" in text for text in raw)


def test_a_file_that_was_given_up_leaves_nothing(settings_board, settings):
    upload(settings_board, HEADER, *GOOD)
    assert any(uploads.folder_of(settings).iterdir())
    press(settings_board, "Take another file")
    assert not any(uploads.folder_of(settings).iterdir())


@pytest.mark.slow
def test_an_import_whose_process_died_can_be_taken_up_or_given_up(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD)
    settings_board.text_input(key="actor").input("ana").run()
    press(settings_board, "Import")
    (done,) = wait_for_imports(settings, log)
    # As a process leaves it that was killed before its first row.
    stored = uploads.keep(settings, memoryview("\n".join([HEADER, *GOOD[:50]]).encode()), "b.csv")
    stored.remember(uploads.Request(**{**vars(done.request), "called": "b.csv", "fingerprint": "unknown"}))
    words = said(settings_board.run())
    assert "It ended before a row was stored" in words
    assert "Go on" in [button.label for button in settings_board.button]
    press(settings_board, "Give up and remove the file")
    assert not stored.folder.exists()


def test_models_and_references_are_listed_with_what_they_are(reviews):
    page = settings_page()
    tables = [table.value for table in page.dataframe]
    models, columns, references = tables[:3]
    assert models["model"].tolist() == ["reviews"]
    assert models["rows"].tolist() == [N_ROWS]
    assert models["labelled"][0].startswith("7")  # about 70 %
    assert models["columns"][0] == "3 features (2 numbers, 1 categorical), prediction, score, label"
    assert columns.set_index("column")["kind"].to_dict()["channel"] == "category"
    assert references["reference"].tolist() == ["training"]
    assert references["default"].tolist() == ["yes: it was frozen first"]


def test_a_reference_is_frozen_under_a_name_and_by_a_person(reviews):
    page = settings_page()
    page.text_input(key="actor").input("ana").run()
    assert "A name must be given" in press(page, "Freeze")
    page.text_input(key="reference_name").input("autumn").run()
    page.number_input(key="freeze_n reviews").set_value(400)
    assert "Reference autumn is frozen: 400 rows" in press(page, "Freeze")
    assert [(r.name, r.n) for r in reviews.references("reviews")] == [("training", 1_000), ("autumn", 400)]
    (entry,) = (entry for entry in read_audit(reviews, "reviews") if entry.action == "freeze")
    assert (entry.actor, entry.detail["reference"]) == ("ana", "autumn")
    page.text_input(key="reference_name").input("autumn").run()
    assert "a reference must have a new name" in press(page, "Freeze").lower()
    assert "training stays the default" in said(page)


def test_a_span_of_time_is_frozen_as_it_is_given(reviews):
    page = settings_page()
    page.text_input(key="actor").input("ana").run()
    page.segmented_control(key="freeze_how").set_value("span").run()
    page.text_input(key="reference_name").input("a week").run()
    newest = reviews.extent("reviews", LastRows(1)).start
    start = (newest - timedelta(days=7)).replace(second=0, microsecond=0, tzinfo=None)
    page.datetime_input(key="freeze_from reviews").set_value(start)
    assert "Reference a week is frozen: 1" in press(page, "Freeze")
    (frozen,) = (r for r in reviews.references("reviews") if r.name == "a week")
    assert frozen.start.replace(tzinfo=None) == start


def test_the_rule_says_what_is_in_force_and_why_it_is_one_for_all(reviews):
    words = said(settings_page())
    assert "alarm for life (5% over 20,000 rows, all columns together); red from an effect of 0.1" in words
    assert "All columns share one budget of false alarms" in words


def test_access_counts_tokens_and_shows_none(reviews, monkeypatch):
    monkeypatch.setenv("DRIFT_API_TOKENS", "k3y-alpha:writer,k3y-beta:writer,0ther:operator")
    monkeypatch.setenv("DRIFT_LAUNCHER", "github")
    monkeypatch.setenv("DRIFT_GITHUB_REPOSITORY", "ana/models")
    monkeypatch.setenv("DRIFT_GITHUB_TOKEN", "ghp_s3cret")
    page = settings_page()
    shown = said(page) + " ".join(str(table.value.to_dict()) for table in page.table).replace("\\", "")
    assert "2 writer tokens" in shown
    assert "1 operator token " in shown
    assert "GitHub Actions of ana/models" in shown
    assert "SQLite" in shown
    assert not any(secret in shown for secret in ("k3y", "0ther", "ghp", "s3cret"))


@pytest.mark.parametrize(
    ("address", "says"),
    [
        *(("127.0.0.1", "this machine only"), ("::1", "this machine only"), ("localhost", "this machine only")),
        *(("0.0.0.0", "other machines, at 0.0.0.0"), ("", "every address of this one"), ("10.0.0.7", "put a proxy")),
    ],
)
def test_who_reaches_the_board_is_said_by_its_address(address, says):
    assert says in board_text(address)


def test_a_wrong_setting_of_tokens_is_told_without_them():
    told = tokens_text("k3y:admin")
    assert "part 1 is not" in told
    assert "k3y" not in told


def test_two_windows_are_compared_by_a_link(reviews):
    now = datetime.now(UTC)
    spans = [
        f"{now - timedelta(days=a):%Y-%m-%dT%H:%MZ}/{now - timedelta(days=b):%Y-%m-%dT%H:%MZ}"
        for a, b in ((20, 0), (60, 30))
    ]
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE)
    page.query_params.update({"window": spans[0], "reference": spans[1]})
    words = said(page.run())
    assert "against another window" in words
    assert "one look" in words
    assert "length" in words
    assert page.query_params["reference"] == spans[1]
    assert page.dataframe[0].value.set_index("column")["verdict"]["length"] == ["■ drift"]


def test_a_reference_in_the_address_that_is_none_is_said(reviews):
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE)
    page.query_params.update({"reference": "yesterday/today"})
    page.run()
    assert [error.value for error in page.exception] == []
    assert page.query_params["reference"] == "training"


def test_an_import_whose_process_cannot_be_started_says_so_and_can_be_gone_on_with(settings_board, settings, log):
    upload(settings_board, HEADER, *GOOD)
    (folder,) = uploads.folder_of(settings).iterdir()
    (folder / "import.log").symlink_to(folder / "gone" / "import.log")  # where its process would write
    settings_board.text_input(key="actor").input("ana").run()
    words = press(settings_board, "Import")
    assert "The process of the import must be started; it cannot: No such file or directory." in words
    assert log.models() == ()

"""The pages as people meet them, on a real database and without a browser."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from drift.data.windows import LastRows
from storage.checking.frames import batch_from_frame
from storage.database.engine import writing
from storage.jobs import queue, runs
from storage.models import promotion, registration
from storage.references.of_champion import adopt_reference
from tests.dashboard.conftest import BOARD, COLUMNS, HOSTILE, N_ROWS, review_rows
from tests.patience import PATIENCE


def said(page: AppTest) -> str:
    """Return every sentence of a page."""
    assert [error.value for error in page.exception] == []
    return "\n".join(str(part.value) for part in (*page.markdown, *page.caption, *page.text, *page.title))


def numbers(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_without_a_model_the_board_says_how_to_begin(log):
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run()
    assert "No model is watched yet" in said(page)
    assert any("python -m storage import" in code.value for code in page.code)
    assert any("python -m seed --demo" in code.value for code in page.code)


def test_while_the_demo_is_built_the_board_shows_how_far_it_is(log):
    run = runs.begin(log, "reviews", "demo", n_rows=200)
    with log.engine.begin() as connection:
        runs.advance(connection, run, 50)
    runs.say(log, run.id, "Training the model")
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run()
    assert "Training the model" in said(page)
    assert [bar.value for bar in page.get("progress")] == [25]


def test_a_registered_model_without_rows_is_not_yet_a_model_to_look_at(log):
    log.register("reviews", COLUMNS)
    assert "No model is watched yet" in said(AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run())


def test_the_overview_says_first_whether_anything_is_wrong_and_since_when(board):
    board.query_params["window"] = "500"
    words = said(board.run())
    assert "Drift since" in words
    assert "n \\= 500" in words
    assert "training" in words
    assert numbers(board)["Drifted columns"] == "2 of 5"


def test_the_overview_gives_advice_with_its_numbers(board):
    board.query_params["window"] = "500"
    words = said(board.run())
    assert "Retrain" in words
    assert "Accuracy fell from" in words


def test_the_columns_stand_worst_first_and_the_first_is_drawn(board):
    board.query_params["window"] = "500"
    board.run()
    table = board.dataframe[0].value
    assert list(table["verdict"].map(lambda badge: badge[0])[:3]) == ["■ drift", "■ drift", "● stable"]
    assert board.query_params["column"] == table["column"][0]
    assert len(board.get("plotly_chart")) == 3


def test_a_pasted_link_opens_the_same_view(board):
    board.query_params.update({"window": "500", "reference": "previous", "column": "steady"})
    board.run()
    assert {name: board.query_params[name] for name in ("model", "window", "reference", "column")} == {
        "model": "reviews",
        "window": "500",
        "reference": "previous",
        "column": "steady",
    }
    assert "steady" in said(board)
    assert "the window before it" in said(board)


def test_an_open_page_follows_a_new_champion_to_its_own_reference(board, reviews):
    board.run()
    assert board.query_params["reference"] == "training"
    version = registration.register_version(reviews, "reviews", uri=None, sha256=None, created_by="ana")
    columns = reviews.columns("reviews")
    newest = reviews.read_rows("reviews", LastRows(500))[["predicted_at", *(column.name for column in columns)]]
    with writing(reviews.engine) as connection:
        promotion.promote(connection, "reviews", version, "ana")
        adopt_reference(connection, "reviews", version, batch_from_frame(columns, newest))
    board.run()
    assert board.query_params["reference"] == "accepted-v1"


def test_a_choice_shows_in_the_address(board):
    board.run().segmented_control(key="rows").set_value("500").run()
    assert board.query_params["window"] == "500"
    assert numbers(board)["Rows in window"] == "500"


def test_an_address_that_makes_no_sense_falls_back_to_the_newest_rows(board):
    board.query_params.update({"window": "yesterday", "model": "none", "reference": "lost", "column": "gone"})
    said(board.run())
    assert board.query_params["window"] == "1000"
    assert board.query_params["reference"] == "training"


def test_a_window_by_time_is_asked_for_in_utc(board):
    board.run().segmented_control(key="rows").set_value("time").run()
    assert "UTC" in said(board)
    assert "Z/" in board.query_params["window"]
    assert int(numbers(board)["Rows in window"].replace(",", "")) in (1000, 1001)


def test_a_window_of_more_rows_than_there_are_shows_all_of_them(board):
    board.query_params["window"] = "5000"
    assert numbers(board.run())["Rows in window"] == f"{N_ROWS:,}"


def test_a_window_with_too_few_rows_is_no_alarm(board):
    board.query_params["window"] = "20"
    words = said(board.run())
    assert "Not enough data: 20 of 50 rows" in words.replace("\\", "")
    assert "Wait for more rows" in words


def test_a_span_of_time_without_rows_says_so_and_not_what_came_before(board):
    board.query_params["window"] = "2001-01-01T00:00Z/2001-01-02T00:00Z"
    words = said(board.run()).replace("\\", "")
    assert "Not enough data: 0 of 50 rows" in words
    assert "Drift since" not in words
    assert numbers(board)["Missing values"] == "–"
    board.switch_page("views/columns.py").run()
    said(board)


def test_the_window_survives_a_change_of_page(board):
    board.query_params.update({"window": "500", "column": "steady"})
    board.run().switch_page("views/columns.py").run()
    board.switch_page("views/overview.py").run()
    assert (board.query_params["window"], board.query_params["column"]) == ("500", "steady")


@pytest.mark.parametrize("column", ["length", "channel", "steady", "prediction", "score"])
def test_a_column_in_depth_shows_what_moved_and_the_rows(board, column):
    board.query_params.update({"window": "500", "column": column})
    board.run().switch_page("views/columns.py").run()
    said(board)
    assert numbers(board)["Rows"] == "500"
    assert len(board.get("plotly_chart")) == 3
    assert len(board.dataframe[-1].value) == 100


def test_the_rows_of_a_window_come_page_by_page(board):
    board.query_params["window"] = "500"
    board.run().switch_page("views/columns.py").run()
    first = board.dataframe[-1].value
    board.pagination[0].set_value(2).run()
    second = board.dataframe[-1].value
    assert first["predicted_at"].max() < second["predicted_at"].min()


def test_the_column_page_moves_to_another_column(board):
    board.query_params["window"] = "500"
    board.run().switch_page("views/columns.py").run()
    board.selectbox(key="column choice").set_value("steady").run()
    assert "Within chance" in said(board)
    assert board.query_params["column"] == "steady"


@pytest.mark.parametrize("path", ["views/overview.py", "views/columns.py"])
def test_text_from_the_data_is_never_read_as_markdown(board, path):
    board.query_params.update({"window": "500", "column": "channel"})
    board.run().switch_page(path).run()
    assert HOSTILE not in said(board)
    assert "](" not in said(board)
    assert all("](" not in str(metric.delta) for metric in board.metric)


def test_a_model_without_a_reference_is_compared_with_the_window_before_until_one_is_frozen(log):
    log.register("reviews", COLUMNS)
    log.append("reviews", review_rows())
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run()
    assert "no reference is frozen yet" in said(page)
    assert "reference" not in page.query_params
    log.freeze_reference("reviews", "training", rows=1_000)
    assert "training" in said(page.run())


def test_new_rows_are_seen_at_the_next_look(board, reviews):
    from datetime import UTC, datetime

    board.query_params["window"] = "5000"
    board.run()
    reviews.append("reviews", [{"predicted_at": datetime.now(UTC), "length": 1.0, "prediction": "positive"}])
    assert numbers(board.run())["Rows in window"] == f"{N_ROWS + 1:,}"


def test_the_overview_follows_a_retrain_that_is_under_way(board, reviews):
    queue.start(reviews, "reviews", "length moved", "ana")
    assert "Job 1 is retraining the model" in said(board.run())


def test_accuracy_that_fell_while_no_column_moved_is_the_headline(log):
    rows = review_rows()
    rng = np.random.default_rng(3)
    log.register("reviews", COLUMNS)
    log.append("reviews", rows.assign(length=rng.normal(size=len(rows)), channel="web"))
    log.freeze_reference("reviews", "training", rows=1_000)
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE)
    page.query_params["window"] = "500"
    page.run()
    shown = said(page)
    assert "Accuracy fell from" in shown
    assert "No column drifts, so what the labels mean may have changed" in shown
    for reference in ("training", "previous"):  # the window before has the same wrong model behind it
        page.query_params["reference"] = reference
        assert "Retrain now" in said(page.run())


def test_on_demand_the_columns_page_tells_whether_columns_changed_together(board):
    board.query_params.update({"window": "500", "column": "length"})
    board.run()
    board.switch_page(str(BOARD.parent / "views" / "columns.py")).run()
    board.button(key="ask joint").click().run(timeout=PATIENCE)  # scikit-learn is imported
    words = said(board).replace("\\", "")
    assert "A classifier tells rows of the window from rows of the reference with AUC" in words
    assert "most by" in words
    board.button(key="ask words").click().run()
    assert "Cannot be told: texts must hold words" in said(board).replace("\\", "")

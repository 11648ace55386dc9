"""The page about predictions and labels: its numbers, its figures, its states, and what its charts are made of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.predictions import data as performance_data
from dashboard.predictions.data import Point
from dashboard.predictions.figures import accuracy_figure, confusion_figure, score_figure, shares_figure
from dashboard.reading import reads
from drift.data.windows import Column, LastRows
from drift.monitor import labels
from drift.performance.agreement import Agreement
from drift.performance.confusion import Confusion
from drift.performance.expected import Expected
from storage.models.shadow import ShadowAnswer, append_shadow
from storage.reading.by_version import Answered, read_answered
from tests.dashboard.conftest import BOARD, COLUMNS
from tests.patience import PATIENCE

PAGE = str(BOARD.parent / "views" / "predictions.py")
START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def predictions_page(board):
    """The board opened at the page about predictions, at 500 rows."""
    board.query_params["window"] = "500"
    board.run()
    return board.switch_page(PAGE)


def said(page: AppTest) -> str:
    assert [error.value for error in page.exception] == []
    return "\n".join(str(part.value) for part in (*page.markdown, *page.caption, *page.text)).replace("\\", "")


def numbers(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_the_page_shows_accuracy_with_what_was_expected_and_how_many_labels_came(predictions_page):
    words = said(predictions_page.run())
    found = reads.board("reviews", reads.revision("reviews"), "500", "training").performance
    shown = numbers(predictions_page)
    assert shown["Accuracy (labelled)"] == f"{found.now.share:.1%}"
    assert shown["Expected accuracy"] == f"{found.expected.accuracy:.1%}"
    assert shown["Labelled"] == f"{found.now.coverage:.0%}"
    assert "if the relation input -> label is unchanged" in words
    assert "Right and wrong." in words
    assert len(predictions_page.get("plotly_chart")) == 4


def test_predictions_that_go_wrong_are_told_first(predictions_page):
    words = said(predictions_page.run())
    assert "Accuracy fell since about" in words
    assert ":red-badge[:material/error: Drift]" in words


def test_the_reviews_without_labels_have_an_expected_accuracy_and_no_confusion(reviews, board):
    last = reviews.read_rows("reviews")["predicted_at"].max()
    new = [
        {"predicted_at": last + timedelta(minutes=k), "prediction": "positive", "score": 0.7, "length": 50.0}
        for k in range(1, 201)
    ]
    reviews.append("reviews", new)
    board.query_params["window"] = "200"
    board.run()
    board.switch_page(PAGE)
    words = said(board.run())
    assert "No label has come for these rows yet." in words
    assert numbers(board)["Accuracy (labelled)"] == "–"
    assert numbers(board)["Expected accuracy"] != "–"
    assert len(board.get("plotly_chart")) == 3


def test_a_model_without_labels_has_its_own_state(log):
    log.register("bare", [Column("x", "numeric")])
    log.append("bare", [{"predicted_at": START + timedelta(hours=k), "x": float(k)} for k in range(300)])
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run()
    page.switch_page(PAGE)
    assert "needs a model that logs a predicted class" in said(page.run())


def test_the_windows_end_with_the_chosen_one(reviews):
    revision = reads.revision("reviews")
    found = performance_data.predictions("reviews", revision, "500", "training")
    assert found.points[-1].n == 500
    assert [point.end for point in found.points] == sorted(point.end for point in found.points)
    assert sum(found.points[-1].predicted.values()) == pytest.approx(1)
    assert found.confusion.counts.sum() == found.points[-1].now.n
    assert np.trace(found.confusion.counts) == found.points[-1].now.n_right


def test_log_loss_is_that_of_the_true_class(reviews):
    frame = reviews.read_rows("reviews", LastRows(500))
    known = frame[frame["label"].notna()]
    found = performance_data.predictions("reviews", reads.revision("reviews"), "500", "training")
    columns = labels.outcome_columns(reviews, "reviews")
    calibration = labels.known_reference(reviews, "reviews", "training", columns).calibration
    if calibration.positive is None:
        assert np.isnan(found.points[-1].log_loss)
        return
    p = np.where(known["label"] == calibration.positive, known["score"], 1 - known["score"])
    assert found.points[-1].log_loss == pytest.approx(-np.log(p).mean())


def test_versions_stand_side_by_side_and_shadows_apart(log):
    log.register("reviews", COLUMNS)
    rows = [
        {
            "predicted_at": START + timedelta(minutes=k),
            "request_id": f"r{k}",
            "version": "v2" if k % 4 == 0 else "v1",
            "variant": "canary" if k % 4 == 0 else "champion",
            "prediction": "positive",
            "label": "positive" if k % 2 else None if k % 10 == 0 else "negative",
        }
        for k in range(100)
    ]
    log.append("reviews", rows)
    shadows = [
        ShadowAnswer(request_id=f"r{k}", version="v2", answered_by="v1", prediction="negative") for k in range(1, 9, 2)
    ]
    append_shadow(log, "reviews", shadows)
    found = read_answered(log, "reviews", LastRows(100))
    labelled = [row for row in rows if row["label"]]
    expected = [
        Answered(
            version,
            variant,
            sum(row["version"] == version for row in rows),
            sum(row["version"] == version for row in labelled),
            sum(row["version"] == version and row["label"] == "positive" for row in labelled),
        )
        for version, variant in (("v1", "champion"), ("v2", "canary"))
    ]
    assert found == (*expected, Answered("v2", "shadow", 4, 4, 0))


def point(k, *, right=80, n=100, expected=0.85):
    return Point(
        start=START + timedelta(days=k),
        end=START + timedelta(days=k + 1),
        n=200,
        predicted={"good": 0.6, "bad": 0.4},
        true={"good": 0.5, "bad": 0.5} if n else {},
        mean_score=0.6,
        unsure_share=0.2,
        now=Agreement(right, n, 200),
        expected=Expected(accuracy=expected, interval=(expected - 0.03, expected + 0.03), n=200, outside_share=0.0),
        log_loss=0.4,
    )


def test_accuracy_is_drawn_with_its_interval_over_the_expected_band():
    figure = accuracy_figure([point(0), point(1, n=0, right=0), point(2)], Agreement(950, 1_000, 1_000))
    traces = {trace.name: trace for trace in figure.data if trace.name}
    realised = traces["on labelled rows, 95 %"]
    assert list(realised.y) == [0.8, 0.8]  # a window without labels has no accuracy
    low, high = Agreement(80, 100, 200).interval
    assert realised.error_y.array[0] == pytest.approx(high - 0.8)
    assert realised.error_y.arrayminus[0] == pytest.approx(0.8 - low)
    assert len(traces["expected"].y) == 3
    assert traces["expected, 95 %"].fill == "tonexty"
    assert list(traces["reference 95.0%"].y) == [0.95, 0.95]


def test_of_two_classes_one_is_drawn_predicted_and_true():
    figure = shares_figure([point(0), point(1, n=0, right=0)])
    assert [trace.name for trace in figure.data] == ["good, predicted", "good, true"]
    assert len(figure.data[1].x) == 1


def test_scores_and_confusion_are_drawn_from_their_numbers():
    assert [list(trace.y) for trace in score_figure([point(0)]).data] == [[0.6], [0.2]]
    no_probability = replace(point(0), unsure_share=float("nan"))
    assert [trace.name for trace in score_figure([no_probability]).data] == ["mean score"]
    found = Confusion(("<b>a</b>", "b"), np.array([[3, 1], [0, 0]]))
    heat = confusion_figure(found).data[0]
    assert heat.z.tolist() == [[0.75, 0.25], [0, 0]]
    assert heat.x[0] == "&lt;b&gt;a&lt;/b&gt;"
    assert heat.text[0][0] == "3<br>75%"

"""Figures are functions of their data."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dashboard.shown.column_figures import (
    FLOOR,
    distribution_figure,
    heat_figure,
    residuals_figure,
    steps_figure,
    timeline_figure,
)
from dashboard.shown.details import column_detail
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.data.samples import CategoricalSample, NumericSample, reference_from
from drift.data.windows import WindowExtent

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def board(hour: int, p_value: float) -> Board:
    verdict = "drift" if p_value <= 0.01 else "stable"
    numbers = {"p_value": p_value, "adjusted_p_value": p_value, "effect_size": 0.3, "n": 100}
    report = ColumnReport(column="age", kind="numeric", role="feature", test="ks", verdict=verdict, **numbers)
    window = WindowExtent(100, START + hour * HOUR, START + (hour + 1) * HOUR)
    return Board(model="m", n=100, window=window, reference="training", columns=(report,))


@pytest.fixture
def numeric():
    rng = np.random.default_rng(1)
    return column_detail(
        reference_from(NumericSample(rng.normal(size=50_000))), NumericSample(rng.normal(1, 1, size=5_000))
    )


@pytest.fixture
def categorical():
    names = ("<b>web</b>", "app", "shop")
    reference = CategoricalSample(np.repeat([0, 1, 2], [500, 300, 200]), names)
    return column_detail(reference_from(reference), CategoricalSample(np.repeat([0, 1, 2], [50, 30, 120]), names))


def test_the_overlay_is_binned_whatever_the_sample_size(numeric):
    figure = distribution_figure(numeric.shown)
    assert [trace.name for trace in figure.data] == ["reference, n = 50,000", "current, n = 5,000"]
    assert len(figure.to_json()) < 20_000


def test_both_sides_of_the_overlay_share_their_edges(numeric):
    reference, current = distribution_figure(numeric.shown).data
    assert np.array_equal(reference.x, current.x)


def test_categories_are_bars_and_never_html(categorical):
    figure = distribution_figure(categorical.shown)
    assert figure.data[0].type == "bar"
    assert figure.data[0].x[0] == "&lt;b&gt;web&lt;/b&gt;"


def test_the_gap_is_drawn_where_the_distance_is_largest(numeric):
    figure = steps_figure(numeric.steps)
    gap = figure.data[2]
    assert abs(gap.y[0] - gap.y[1]) == pytest.approx(0.383, abs=0.02)  # 2 Phi(1/2) - 1
    assert gap.x[0] == pytest.approx(0.5, abs=0.2)


def test_distribution_functions_are_thinned_but_keep_the_largest_gap(numeric):
    steps = numeric.steps
    assert len(steps.values) <= 301
    assert np.abs(steps.reference_share - steps.current_share).max() == pytest.approx(
        abs(steps.shares[0] - steps.shares[1])
    )


def test_points_gained_and_lost_sum_to_nothing(categorical):
    figure = residuals_figure(categorical.shown, categorical.residuals)
    assert sum(figure.data[0].x) == pytest.approx(0)
    assert figure.data[0].x[list(figure.data[0].y).index("shop")] == pytest.approx(40)


def test_the_timeline_is_logarithmic_with_the_alpha_line_and_shaded_since_the_onset():
    boards = [board(hour, p) for hour, p in enumerate([0.5, 0.4, 1e-9, 1e-12])]
    figure = timeline_figure(boards, "age", alpha=0.01)
    assert figure.layout.yaxis.type == "log"
    shade, line = figure.layout.shapes
    assert (line.y0, shade.x0) == (0.01, START + 2 * HOUR)
    assert "drift since 2026-11-01 02:00 UTC" in figure.layout.annotations[0].text


def test_a_stable_timeline_is_not_shaded():
    figure = timeline_figure([board(0, 0.5), board(1, 0.2)], "age", alpha=0.01)
    assert len(figure.layout.shapes) == 1


def test_a_p_value_of_zero_is_drawn_at_the_floor_and_said_in_words():
    marks = timeline_figure([board(0, 0.5), board(1, 0.0)], "age", alpha=0.01).data[1]
    assert marks.y[1] == FLOOR
    assert "< 1e-300" in marks.text[1]


def test_a_silence_of_the_log_breaks_the_line():
    boards = [board(hour, 0.5) for hour in (0, 1, 2, 3, 40, 41)]
    assert list(timeline_figure(boards, "age", alpha=0.01).data[0].y).count(None) == 1


def test_a_timeline_without_any_test_is_an_empty_figure_and_no_error():
    assert len(timeline_figure([], "age", alpha=0.01).data[1].x or ()) == 0


def test_the_heat_strip_has_a_cell_per_window_and_column_and_a_sign_for_each_verdict():
    cells = heat_figure([board(0, 0.5), board(1, 1e-9)]).data[0]
    assert [list(row) for row in cells.text] == [["", "■"]]
    assert [list(row) for row in cells.z] == [[0.3, 0.3]]


def test_a_heat_strip_of_nothing_is_empty_and_no_error():
    assert len(heat_figure([]).data[0].y or ()) == 0


def test_no_drift_is_shaded_before_the_end_of_what_windows_are_compared_with():
    everywhere = [board(hour, 1e-9) for hour in range(6)]
    (shade, _) = timeline_figure(everywhere, "age", 0.01).layout.shapes
    assert shade.x0 == START
    (shade, _) = timeline_figure(everywhere, "age", 0.01, START + 4 * HOUR).layout.shapes
    assert shade.x0 == START + 4 * HOUR
    assert len(timeline_figure(everywhere, "age", 0.01, START + 9 * HOUR).layout.shapes) == 1

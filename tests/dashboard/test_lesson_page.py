"""The Lesson page without a browser: on an empty database, beside another model, and while a simulation stands."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from dashboard.lesson import run as lesson_run
from dashboard.lesson.data import Accuracy, Served, Sounded, naive_looks, told
from dashboard.lesson.figures import accuracy_figure
from dashboard.lesson.run import free_name, state_of
from dashboard.lesson.words import MEANINGS, PARTS, SCENARIOS, SHAPES
from drift.data.windows import Column, RowSpan
from drift.monitor.boards import timeline
from seed import scenarios
from seed.live import DRIFT_SPAN, play
from seed.shop_time import ROWS_PER_DAY
from storage import PredictionLog, open_log
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, Lesson, read_newest_lesson
from tests.dashboard.conftest import BOARD
from tests.patience import PATIENCE, wait_for

LESSON = Lesson(model="lesson", scenario="vocabulary", speed=5_000, after=1_500, rows=3_000)


@pytest.fixture
def lesson_page(settings) -> AppTest:
    """The board with the Lesson page open, before its first run."""
    return AppTest.from_file(str(BOARD), default_timeout=PATIENCE).switch_page("views/lesson.py")


@pytest.fixture(scope="session")
def played_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log and the model of a lesson that is over; made once, to be copied."""
    folder = tmp_path_factory.mktemp("played")
    settings = Settings(database_url=f"sqlite:///{folder}/drift.db", artifacts=folder / "models")
    log = open_log(settings.database_url)
    assert play(log, settings, LESSON).state == "done"
    log.close()
    return folder


@pytest.fixture
def played(played_folder: Path, settings, tmp_path) -> Iterator[PredictionLog]:
    """A log in which new vocabulary came after 1,500 healthy live rows."""
    shutil.copytree(played_folder, tmp_path, dirs_exist_ok=True)
    log = open_log(settings.database_url)
    yield log
    log.close()


@pytest.fixture
def ended_afterwards(log) -> Iterator[None]:
    """Whatever simulation a test has started ends with it."""
    yield
    run = read_newest_lesson(log)
    assert run is not None
    runs.ask_to_stop(log, run.id)
    wait_for(lambda: runs.read_run(log, run.id).state != "stopping")


def texts(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.title]
    return "\n".join(one.value for one in shown).replace("\\", "")


def age(log, run, by):
    with log.engine.begin() as connection:
        wanted = sa.text("UPDATE import_run SET updated_at = :at WHERE id = :id")
        at = int((datetime.now(UTC) - by).timestamp() * 1e6)
        connection.execute(wanted, {"at": at, "id": run.id})


def test_what_can_be_played_is_what_can_be_simulated():
    assert list(SCENARIOS) == list(scenarios.SCENARIOS) == list(MEANINGS)
    assert tuple(SHAPES) == get_args(scenarios.Shape)
    assert {part.setup for part in PARTS} - {""} <= set(SCENARIOS)
    assert DRIFT_SPAN / timedelta(days=1) * ROWS_PER_DAY == 4_000, "as the help of the controls says"


def test_on_an_empty_database_the_lesson_is_there_and_the_other_pages_lead_to_it(log, settings, lesson_page):
    lesson_page.run()
    assert not lesson_page.exception
    assert len(lesson_page.tabs) == len(PARTS) == 8
    assert "Nothing has been played yet" in texts(lesson_page)
    assert "Play writes a new model, **lesson**." in texts(lesson_page)
    other = AppTest.from_file(str(BOARD), default_timeout=PATIENCE).run()
    assert "No model is watched yet" in texts(other)


def test_whoever_plays_is_told_that_alarms_reach_the_people_on_call(lesson_page, monkeypatch):
    monkeypatch.setenv("DRIFT_ALERT_URL", "https://hooks.example/secret")
    lesson_page.run()
    assert "Its alarms are sent to the channel for alerts too." in texts(lesson_page)
    assert "hooks.example" not in texts(lesson_page)


def test_every_part_tells_asks_and_hides_its_answer(lesson_page):
    lesson_page.run()
    for number, part in enumerate(PARTS, 1):
        shown = texts(lesson_page.tabs[number - 1])
        assert part.told in shown
        assert part.question in shown
        (answer,) = [one for one in lesson_page.tabs[number - 1].expander if one.label == "Answer"]
        assert not answer.proto.expanded
        assert part.answer in texts(answer)


def test_a_part_sets_the_simulator_up(lesson_page):
    lesson_page.run()
    lesson_page.button(key="set up 5").click().run()
    assert lesson_page.selectbox(key="lesson_scenario").value == "none"
    assert lesson_page.session_state["lesson_naive"] is True
    assert lesson_page.selectbox(key="lesson_after").disabled, "nothing begins where nothing drifts"
    lesson_page.button(key="set up 4").click().run()
    assert lesson_page.selectbox(key="lesson_scenario").value == "concept"
    assert not lesson_page.selectbox(key="lesson_after").disabled


@pytest.mark.slow
def test_play_writes_one_row_and_starts_a_process_and_stop_ends_it(log, settings, lesson_page, ended_afterwards):
    lesson_page.run()
    lesson_page.selectbox(key="lesson_scenario").set_value("label").run()
    lesson_page.selectbox(key="lesson_after").set_value(10_000).run()
    lesson_page.button(key="play lesson").click().run()
    run = read_newest_lesson(log)
    lesson = Lesson.of(run)
    assert (lesson.model, lesson.scenario, lesson.speed, lesson.after) == ("lesson", "label", 500, 10_000)
    assert any(one.value == "row **0** of 309,600" for one in lesson_page.caption)
    wait_for(lambda: runs.read_run(log, run.id).n_done > HISTORY_ROWS, "live rows")
    lesson_page.run()
    lesson_run.go_on(log, settings, run)
    assert "Another process" not in (settings.artifacts.parent / "log" / "lesson.log").read_text(encoding="utf-8")
    lesson_page.button(key="stop lesson").click().run()
    wait_for(lambda: runs.read_run(log, run.id).state == "stopped", "the stop that was asked for")
    lesson_page.run()
    assert "Stopped as asked." in texts(lesson_page)
    assert "Truth: still healthy; the drift begins at row 19,600" in texts(lesson_page)
    assert lesson_page.button(key="go on lesson").label == "Go on with lesson"
    lesson_page.button(key="go on lesson").click().run()
    assert runs.read_run(log, run.id).state == "running"
    assert len(runs.read_runs(log)) == 1


@pytest.mark.slow
def test_a_simulation_beside_another_model_leaves_it_alone_and_bears_a_name_of_its_own(reviews, settings, lesson_page):
    before = reviews.read_rows("reviews")
    assert play(reviews, settings, LESSON).state == "done"
    lesson_page.run()
    assert not lesson_page.exception
    assert lesson_page.selectbox(key="model").options == ["reviews", "lesson"]
    assert lesson_page.session_state["scope"].model == "reviews", "who only looks in is not taken elsewhere"
    assert "**lesson** · New vocabulary" in texts(lesson_page)
    assert "Play writes a new model, **lesson-2**." in texts(lesson_page)
    assert reviews.read_rows("reviews").equals(before)


def test_the_page_says_when_the_drift_began_and_how_much_later_it_was_heard(played, lesson_page):
    lesson_page.run()
    found = told("lesson", played.revision("lesson"))
    late = found.alarms[0].row - LESSON.onset
    assert 0 < late <= 300
    assert f"the drift began at row 11,100; the alarm came {late} rows later" in texts(lesson_page)
    assert "Retrain: give a reason" in texts(lesson_page)
    assert found.accuracy(LESSON.onset + 200).share < 0.85 < 0.93 < found.accuracy(4_000, LESSON.onset).share
    assert len(lesson_page.get("plotly_chart")) == 1


def test_answers_and_alarms_are_those_of_the_log(played):
    found = told("lesson", played.revision("lesson"))
    rows = played.read_rows("lesson")
    right = np.where(rows["label"].isna(), -1, rows["label"] == rows["prediction"])
    np.testing.assert_array_equal(found.right, right)
    kept = played.ledger("lesson", "training").read()
    known = {(r.stream, HISTORY_ROWS + r.alarm.row) for r in kept.alarms if r.stream not in ("accuracy", "label")}
    assert known <= {(one.stream, one.row) for one in found.alarms}


def test_the_naive_mode_counts_what_a_plain_test_would_have_rung_on_healthy_rows(played, lesson_page):
    n_rows = played.n_rows("lesson")
    looks = naive_looks("lesson", n_rows, LESSON.onset)
    assert [row for row, _ in looks] == list(range(HISTORY_ROWS + 1_000, LESSON.onset + 1, 100))
    boards = timeline(played, "lesson", [RowSpan(row - 1_000, row) for row, _ in looks], "training")
    assert [rang for _, rang in looks] == [any(r.p_value < 0.05 for r in board.columns) for board in boards]
    assert sum(rang for _, rang in naive_looks("lesson", n_rows, None)) > sum(rang for _, rang in looks)
    lesson_page.run()
    lesson_page.toggle(key="lesson_naive").set_value(True).run()
    assert "In 6 looks at healthy rows a plain p < 0.05 rang" in texts(lesson_page)
    assert "the rule never" in texts(lesson_page)


def test_a_simulation_whose_process_was_killed_is_told_apart(log, settings, lesson_page):
    run = runs.begin(log, "lesson", LESSON.source, LESSON.n_rows, LESSON.fingerprint)
    lesson_page.run()
    assert "Preparing" in texts(lesson_page)
    age(log, run, timedelta(minutes=1))
    lesson_page.run()
    assert "Interrupted: its process is gone" in texts(lesson_page)
    assert [one.key for one in lesson_page.button if one.key in ("stop lesson", "go on lesson")] == ["go on lesson"]


def test_every_state_of_a_run_has_its_name(log):
    now = datetime.now(UTC)
    run = runs.begin(log, "lesson", LESSON.source, LESSON.n_rows, LESSON.fingerprint)
    live = replace(run, n_done=HISTORY_ROWS + 1)
    assert state_of(run, now) == "preparing"
    assert state_of(live, now) == "running"
    assert state_of(live, now + timedelta(minutes=1)) == "interrupted"
    assert state_of(replace(live, state="stopping"), now + timedelta(minutes=1)) == "interrupted"
    for state in ("stopping", "stopped", "done"):
        assert state_of(replace(live, state=state), now) == state


def test_a_name_is_never_given_twice(log):
    assert free_name(log) == "lesson"
    runs.begin(log, "lesson", "lesson?x")
    log.register("lesson-2", [Column("length", "numeric")])
    assert free_name(log) == "lesson-3"


def test_the_figure_tells_truth_alarms_and_promotions_apart():
    figure = accuracy_figure(
        [Accuracy(500, 0.95, 300), Accuracy(1_000, 0.8, 290)],
        n_rows=20_000,
        reference=(4_000, 9_600),
        onset=11_600,
        heard=[Sounded("oov_share", 11_700), Sounded("length", 11_900)],
        false=[Sounded("price", 10_000)],
        served=[Served("v2", 15_000, 14_000)],
        rang=[10_700],
    )
    said = [note.text.strip() for note in figure.layout.annotations]
    assert said == ["reference", "v2 serves", "the drift begins", "alarm: oov_share and 1 more", "false alarm: price"]
    assert [line.x0 for line in figure.layout.shapes] == [4_000, 15_000, 11_600, 11_700, 10_000]
    assert list(figure.data[1].x) == [10_700]


def test_a_simulation_whose_process_cannot_be_started_says_so_and_can_be_gone_on_with(
    log, lesson_page, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("no folder can be made here")
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(tmp_path / "file" / "models"))
    lesson_page.run()
    lesson_page.button(key="play lesson").click().run()
    assert not lesson_page.exception
    assert read_newest_lesson(log).state == "stopped"
    assert "Its process cannot be started: Not a directory." in texts(lesson_page)
    assert lesson_page.button(key="go on lesson").label == "Go on with lesson"

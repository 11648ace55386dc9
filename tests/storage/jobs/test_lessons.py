import pytest

from storage import open_log
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, Lesson, is_lesson, read_newest_lesson

pytestmark = pytest.mark.each_database

LESSON = Lesson(model="lesson", scenario="label", shape="gradual", strength=0.35, speed=500, after=1_000, rows=9_000)


@pytest.fixture
def engine(database_url):
    log = open_log(database_url)
    yield log.engine
    log.close()


def begun(engine, lesson=LESSON):
    return runs.begin(engine, lesson.model, lesson.source, lesson.n_rows, lesson.fingerprint)


def advanced(engine, run, n):
    with engine.begin() as connection:
        runs.advance(connection, run, n)
    return runs.read_run(engine, run.id)


def test_a_run_tells_what_is_simulated(engine):
    assert Lesson.of(begun(engine)) == LESSON
    assert LESSON.onset == HISTORY_ROWS + 1_000
    assert LESSON.n_rows == HISTORY_ROWS + 9_000


def test_equal_simulations_are_one_run_and_others_are_not(engine):
    first = begun(engine)
    assert begun(engine).id == first.id
    assert begun(engine, Lesson(model="lesson-2", scenario="label")).id != first.id


def test_the_newest_lesson_is_found_among_imports(engine):
    assert read_newest_lesson(engine) is None
    begun(engine)
    newer = begun(engine, Lesson(model="lesson-2", scenario="none"))
    imported = runs.begin(engine, "loans", "lessons.csv", 10)
    found = read_newest_lesson(engine)
    assert found is not None
    assert found.id == newer.id
    assert is_lesson(found)
    assert not is_lesson(imported)
    with pytest.raises(ValueError, match=r"run must be a lesson's; got 'lessons\.csv'"):
        Lesson.of(imported)


def test_a_wish_to_stop_outlives_the_rows_that_are_written_meanwhile(engine):
    run = begun(engine)
    runs.ask_to_stop(engine, run.id)
    assert advanced(engine, run, 100).state == "stopping"
    runs.finish(engine, run.id, "stopped", "stopped as asked")
    runs.ask_to_stop(engine, run.id)
    assert runs.read_run(engine, run.id).state == "stopped", "who has ended is not asked"


def test_a_stopped_run_goes_on_where_it_stood(engine):
    run = advanced(engine, begun(engine), 100)
    runs.finish(engine, run.id, "stopped")
    runs.go_on(engine, run.id)
    again = begun(engine)
    assert (again.id, again.state, again.n_done) == (run.id, "running", 100)
    runs.finish(engine, run.id)
    runs.go_on(engine, run.id)
    assert runs.read_run(engine, run.id).state == "done", "what is done stays done"


@pytest.mark.parametrize(
    ("settings", "must"),
    [
        ({"speed": 9}, "speed must be between 10 and 5,000 rows a second; got 9"),
        ({"rows": 0}, "rows must be between 1 and 1,000,000; got 0"),
        ({"after": -1}, "after must be at least 0 rows; got -1"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused_in_a_sentence(settings, must):
    with pytest.raises(ValueError, match=must):
        Lesson(model="lesson", scenario="none", **settings)

"""The storage contract where several do the same at once: what a check has found must still be so when they write."""

import threading
from functools import partial

import pytest
import sqlalchemy as sa

from drift.data.windows import Column, LastRows
from storage import PredictionLog, open_log
from storage.database.engine import reading, writing
from storage.database.schema import import_run, model_alias, served_model, worker
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.run import AlreadyImported, ImportResult, run_import
from storage.jobs import runs, workers
from storage.jobs.runs import Run, RunDone, RunTaken
from storage.models import promotion, registration, shadow
from storage.models.catalogue import UnknownModel
from tests.at_once import at_once, wait_until_held_up

pytestmark = pytest.mark.each_database
N = 4
AMOUNT = Column("amount", "numeric")


@pytest.fixture
def logs(database_url: str):
    """The same database, open as often as there are processes that share it."""
    logs = [open_log(database_url) for _ in range(N)]
    yield logs
    for log in logs:
        log.close()


class TestContractAtOnce:
    """What callers rely on however many of them there are, whatever the database is."""

    def test_a_fingerprint_has_one_unfinished_run(self, logs, database_url):
        for k in range(5):
            begin = [partial(runs.begin, log, "m", "rows.csv", 10, f"file {k}") for log in logs]
            begun = at_once(database_url, "import_run", begin)
            assert [type(run) for run in begun] == [Run] * N, begun
            assert len({run.id for run in begun}) == 1

    def test_runs_without_a_fingerprint_are_all_begun(self, logs, database_url):
        begin = [partial(runs.begin, log, "m", "rows.csv") for log in logs]
        assert len({run.id for run in at_once(database_url, "import_run", begin)}) == N

    def test_a_run_that_ended_gives_way_to_the_next(self, logs):
        engine = logs[0].engine
        first = runs.begin(engine, "m", "rows.csv", 10, "f")
        runs.finish(engine, first.id, "failed", "every row was rejected")
        second = runs.begin(engine, "m", "rows.csv", 10, "f")
        assert second.id != first.id
        runs.finish(engine, first.id, "stopped")
        assert runs.read_run(engine, first.id).state == "failed", "what has ended stays so"
        runs.finish(engine, second.id)
        assert runs.begin(engine, "m", "rows.csv", 10, "f").id not in (first.id, second.id)

    def test_what_ends_while_another_one_begins_is_not_begun_again(self, logs):
        one, other = logs[0].engine, logs[1].engine
        run = runs.begin(one, "m", "rows.csv", 10, "f")
        begin = partial(runs.begin, other, "m", "rows.csv", 10, "f", once=True)
        assert begin().id == run.id
        (told,) = _while_ending(one, run, begin)
        assert isinstance(told, RunDone)
        assert told.run.id == run.id
        assert [each.id for each in runs.read_runs(one)] == [run.id]

    def test_imports_of_one_file_store_every_row_once(self, logs, database_url, tmp_path):
        path = tmp_path / "rows.csv"
        path.write_text(
            "\n".join(["when,amount", *(f"2026-09-01T00:{k // 60:02}:{k % 60:02},{k}" for k in range(500))])
        )
        # Registered already: what is tried is the import.
        logs[0].register("m", [AMOUNT])
        imports = [partial(_import, log, path) for log in logs]
        told = at_once(database_url, "import_run", imports)
        assert all(isinstance(each, ImportResult | RunTaken | AlreadyImported) for each in told), told
        assert sum(each.accepted for each in told if isinstance(each, ImportResult)) <= 500
        values = logs[0].read_window("m", LastRows(9_999), [AMOUNT])["amount"].values
        assert values.tolist() == list(range(500))
        assert len(runs.read_runs(logs[0].engine)) == 1

    def test_a_new_model_is_created_once_with_the_columns_of_all(self, logs, database_url):
        columns = [[AMOUNT, Column(f"own {k}", "numeric")] for k in range(N)]
        register = [partial(log.register, "m", named) for log, named in zip(logs, columns, strict=True)]
        assert at_once(database_url, "model", register) == [None] * N
        assert logs[0].models() == ("m",)
        found = logs[0].columns("m")
        assert found[0] == AMOUNT
        assert {column.name for column in found[1:]} == {f"own {k}" for k in range(N)}
        assert logs[1].append("m", [{"predicted_at": "2026-09-01T00:00:00Z", "own 3": 3.0}]).accepted == 1

    def test_of_new_models_that_differ_in_case_alone_one_is_created(self, logs, database_url):
        register = [partial(log.register, name, [AMOUNT]) for log, name in zip(logs, ["m", "M", "m", "M"], strict=True)]
        told = at_once(database_url, "model", register)
        (created,) = logs[0].models()
        refused = [str(error) for error in told if error is not None]
        assert len(refused) == 2
        assert all(f"must differ from {created!r} by more than upper and lower case" in said for said in refused)
        with pytest.raises(UnknownModel):
            logs[0].columns(created.swapcase())

    def test_an_alias_that_is_new_points_at_the_version_written_last(self, logs, database_url):
        logs[0].register("m", [AMOUNT])
        names = [registration.register_version(log, "m", uri=None, sha256=None, created_by="test") for log in logs]
        point = [partial(_point, log, name) for log, name in zip(logs, names, strict=True)]
        assert at_once(database_url, "model_alias", point) == [None] * N
        with reading(logs[0].engine) as connection:
            (row,) = connection.execute(sa.select(model_alias)).all()
        assert row.version in names
        assert row.revision == N

    def test_a_worker_that_shows_itself_twice_is_listed_once(self, logs, database_url):
        beat = [partial(workers.beat, log, "host:1:abc", "host", 1, "1") for log in logs]
        assert at_once(database_url, "worker", beat) == [None] * N
        assert _n(logs[0], worker) == 1

    def test_what_served_is_noted_once_and_an_unheard_answer_kept_once(self, logs, database_url):
        logs[0].register("m", [AMOUNT])
        assert (
            at_once(database_url, "served_model", [partial(shadow.note_served, log, "m") for log in logs]) == [None] * N
        )
        assert _n(logs[0], served_model) == 1
        answer = shadow.ShadowAnswer(request_id="a", version="v2", answered_by="v1", score=0.5)
        keep = [partial(shadow.append_shadow, log, "m", [answer]) for log in logs]
        assert sorted(at_once(database_url, "shadow_answer", keep)) == [0, 0, 0, 1]


def _while_ending(engine: sa.Engine, run: Run, begin) -> list[object]:
    """Begin while the transaction that ends the run is still open."""
    told: list[object] = []

    def work() -> None:
        try:
            told.append(begin())
        except ValueError as error:
            told.append(error)

    thread = threading.Thread(target=work)
    with writing(engine) as connection:
        connection.execute(sa.update(import_run).where(import_run.c.id == run.id).values(state="done"))
        thread.start()
        wait_until_held_up(engine, 1)
    thread.join()
    return told


def _import(log: PredictionLog, path) -> ImportResult:
    return run_import(log, plan_import(log, path, "m", ColumnMapping(predicted_at="when")), batch=100)


def _point(log: PredictionLog, version: str) -> None:
    with writing(log.engine) as connection:
        promotion.write_alias(connection, "m", "shadow", version)


def _n(log: PredictionLog, table: sa.Table) -> int:
    with reading(log.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

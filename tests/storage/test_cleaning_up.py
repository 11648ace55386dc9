"""A clean-up that fails as well never takes the place of the error that it cleans up after."""

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from drift.data.windows import Column
from storage import open_log
from storage.command_line import guarded
from storage.database.engine import DatabaseBusy, cleaning_up, writing
from storage.importing.export import export
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.run import run_import
from storage.jobs import runs


class Broken(Exception):
    """What went wrong first."""


@pytest.mark.parametrize("failed", [DatabaseBusy("others write"), OSError("no room"), ValueError("n must be\n1")])
def test_what_a_clean_up_came_to_is_noted_on_the_error_that_goes_up(failed):
    error = Broken("first")
    with cleaning_up(error):
        raise failed
    said = " ".join(str(failed).split())
    assert error.__notes__ == [f"The clean-up after it failed too: {type(failed).__name__}: {said}"]


def test_a_clean_up_that_is_interrupted_gives_way():
    with pytest.raises(KeyboardInterrupt), cleaning_up(Broken("first")):
        raise KeyboardInterrupt


def test_an_import_that_breaks_off_while_the_database_is_busy_says_why_it_broke_off(sqlite_url, tmp_path):
    log, other = open_log(sqlite_url), open_log(sqlite_url)
    _lose_patience(log.engine)
    path = tmp_path / "rows.csv"
    path.write_text("when,a\n2026-09-01,1\n2026-09-02,2\n", encoding="utf-8")
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when"))
    with ExitStack() as writes:

        def break_off(n_done, n_rows):
            if n_done:
                writes.enter_context(writing(other.engine))
                raise Broken("the file system is gone")

        with pytest.raises(Broken, match="the file system is gone") as caught:
            run_import(log, plan, batch=1, progress=break_off)
    assert "DatabaseBusy: The database is busy" in caught.value.__notes__[0]
    assert log.n_rows("m") == 1
    (run,) = runs.read_runs(log)
    assert (run.state, run.n_done) == ("running", 1), "nobody could note that it stopped; it is taken up all the same"
    assert run_import(log, plan).accepted == 1
    for each in (log, other):
        each.close()


def test_a_command_tells_the_error_and_what_was_noted_on_it(capsys):
    def run() -> int:
        error = ValueError("rows must be\nmore")
        with cleaning_up(error):
            raise OSError("no room")
        raise error

    assert guarded(run) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == ["error: rows must be more", "The clean-up after it failed too: OSError: no room"]


def test_an_export_that_breaks_off_says_why_though_its_file_cannot_be_closed_either(sqlite_url, tmp_path):
    log = open_log(sqlite_url)
    log.register("m", [Column("a", "numeric")])
    log.append("m", [{"predicted_at": datetime(2026, 9, 1, tzinfo=UTC), "a": 1.0}])
    (tmp_path / "out.csv.part").symlink_to("/dev/full")  # closing writes what is buffered, and there is no room

    def break_off(n_done, n_rows):
        raise Broken("the reader is gone")

    with pytest.raises(Broken, match="the reader is gone") as caught:
        export(log, "m", tmp_path / "out.csv", break_off)
    assert "OSError: [Errno 28]" in caught.value.__notes__[0]
    assert not (tmp_path / "out.csv").exists()
    log.close()


def _lose_patience(engine: sa.Engine) -> None:
    """Let new connections give up soon where another one writes."""
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))

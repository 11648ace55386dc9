"""Opening a database: the right settings, and a sentence when it cannot be used."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from drift.data.windows import Column
from storage import open_log
from storage.database.engine import DatabaseFault, open_engine, reading, writing
from storage.database.migrate import HEAD
from storage.database.settings import Settings

pytestmark = pytest.mark.each_database


def test_an_sqlite_file_gets_the_settings_that_the_log_relies_on(tmp_path):
    with reading(open_engine(f"sqlite:///{tmp_path}/new.db")) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "page_size", "mmap_size", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 1,
        "page_size": 16384,
        "mmap_size": 0,
        "foreign_keys": 1,
        "busy_timeout": 30000,
    }


@pytest.mark.parametrize("url", ["drift.db", "oracle9://x", ""])
def test_a_url_that_names_no_database_is_refused(url):
    with pytest.raises(DatabaseFault, match=r"must look like sqlite:///var/drift\.db"):
        open_engine(url)


@pytest.mark.parametrize(
    "url", ["nosuch://ana:s3cret@host/db", "mysql://ana:s3cret@host/db", "postgresql://ana:s3cret@host:p/x"]
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(DatabaseFault, match="must look like") as refused:
        open_engine(url)
    assert "s3cret" not in str(refused.value)


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(DatabaseFault, match="must be a file that can be read"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_database_that_is_not_there_is_named_and_the_connection_closed(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseFault, match="folder of the database cannot be made"):
        open_log(f"sqlite:///{tmp_path}/file/drift.db")
    with pytest.raises(DatabaseFault, match="See that it runs and that you may use it"):
        open_log(f"postgresql://nobody@/x?host={tmp_path}")


def test_a_database_of_a_newer_release_is_refused(database_url):
    log = open_log(database_url)
    with writing(log.engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    log.close()
    with pytest.raises(DatabaseFault, match="Install the newer release"):
        open_log(database_url)


def test_two_processes_that_start_at_once_build_the_tables_once(empty_url):
    problems = []

    def start():
        try:
            open_log(empty_url).close()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    log = open_log(empty_url)
    with reading(log.engine) as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]
    log.close()


def test_a_writer_never_waits_for_a_reader(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", [Column("a", "numeric")])
    with reading(log.engine) as connection:
        before = connection.execute(sa.text("SELECT count(*) FROM prediction_m")).scalar()
        assert log.append("m", [{"predicted_at": datetime(2026, 9, 1, tzinfo=UTC), "a": 1}]).accepted == 1
        assert connection.execute(sa.text("SELECT count(*) FROM prediction_m")).scalar() == before
    log.close()


def test_a_failed_transaction_leaves_nothing(sqlite_url):
    log = open_log(sqlite_url)

    def fails_half_way():
        with writing(log.engine) as connection:
            connection.exec_driver_sql("INSERT INTO model (name, created_at) VALUES ('x', 0)")
            raise sqlite3.Error

    with pytest.raises(sqlite3.Error):
        fails_half_way()
    assert log.models() == ()
    log.close()


@pytest.mark.parametrize(
    ("environ", "must"),
    [
        ({"DRIFT_WORKER": "maybe"}, "DRIFT_WORKER must be auto or external"),
        ({"DRIFT_DEMO": "maybe"}, "DRIFT_DEMO must"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(environ, must):
    with pytest.raises(ValueError, match=must):
        Settings.from_environment(environ)


def test_secrets_do_not_show_in_the_settings():
    settings = Settings.from_environment(
        {
            "DRIFT_API_TOKENS": "s3cret",
            "DRIFT_DATABASE_URL": "postgresql://u:s3cret@h/d",
            "DRIFT_GITHUB_TOKEN": "s3cret",
        }
    )
    assert "s3cret" not in repr(settings)

"""The migrations build the tables that the code describes."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.database.engine import open_engine, reading, writing
from storage.database.migrate import migrate
from storage.database.schema import import_run, metadata
from storage.jobs import runs
from tests.storage.older import take_back_readings


def test_the_migrations_lead_to_the_tables_of_the_schema(empty_url):
    engine = open_engine(empty_url)
    migrate(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), metadata) == []
    engine.dispose()


def test_runs_that_began_at_once_become_one(empty_url):
    engine = open_engine(empty_url)
    migrate(engine)
    with writing(engine) as connection:
        take_back_readings(connection)
        connection.execute(sa.text("DROP INDEX ix_import_run_unfinished"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0005'"))
        for fingerprint, state, n_done, n_rejected in [
            ("twice", "stopped", 300, 0),
            ("twice", "running", 200, 10),
            ("thrice", "running", 0, 0),
            ("thrice", "stopping", 40, 1),
            ("thrice", "running", 20, 0),
            ("once", "running", 7, 0),
            ("over", "done", 50, 0),
            ("over", "done", 50, 0),
            (None, "running", 5, 0),
            (None, "running", 5, 0),
        ]:
            told = {"fingerprint": fingerprint, "state": state, "n_done": n_done, "n_rejected": n_rejected}
            at = datetime(2026, 9, 1, tzinfo=UTC)
            row = {"model": "m", "source": "rows.csv", "started_at": at, "updated_at": at}
            connection.execute(sa.insert(import_run).values(row | told))
    migrate(engine)
    found = [(run.fingerprint, run.state, run.n_done, run.n_rejected) for run in runs.read_runs(engine)][::-1]
    assert found == [
        ("twice", "failed", 300, 0),
        ("twice", "running", 300, 0),
        ("thrice", "failed", 0, 0),
        ("thrice", "failed", 40, 1),
        ("thrice", "running", 40, 1),
        ("once", "running", 7, 0),
        ("over", "done", 50, 0),
        ("over", "done", 50, 0),
        (None, "running", 5, 0),
        (None, "running", 5, 0),
    ]
    notes = {run.id: run.note for run in runs.read_runs(engine) if run.note}
    assert sorted(notes) == [1, 3, 4]
    assert "run 2 goes on in its place" in notes[1]
    assert "190 rows from the beginning of rows.csv stand in the log more than once" in notes[1]
    assert runs.begin(engine, "m", "rows.csv", fingerprint="twice").id == 2
    engine.dispose()

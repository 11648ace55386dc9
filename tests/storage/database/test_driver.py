"""Statements that go past SQLAlchemy fail as SQLAlchemy's own do, and leave connections that work."""

import pytest
import sqlalchemy as sa

from drift.data.windows import Column
from storage import open_log
from storage.database.driver import copy_rows, run, run_many, text_of
from storage.database.engine import writing
from storage.database.schema import prediction_table, served_model

pytestmark = pytest.mark.each_database


def test_errors_are_those_of_sqlalchemy(database_url):
    log = open_log(database_url)
    statement = sa.insert(served_model).values(model_id=sa.bindparam("id"), answered_at=sa.bindparam("at"))
    insert = text_of(statement, log.engine.dialect)
    with pytest.raises(sa.exc.IntegrityError), writing(log.engine) as connection:
        run(connection, insert, (1, None))
    with pytest.raises(sa.exc.IntegrityError), writing(log.engine) as connection:
        run_many(connection, insert, iter([(1, None), (2, None)]))
    with pytest.raises(sa.exc.DBAPIError, match="no_such_table"), writing(log.engine) as connection:
        run(connection, "SELECT * FROM no_such_table")
    assert log.models() == ()
    log.close()


def test_rows_that_are_copied_are_stored_like_rows_that_are_inserted(postgres_url):
    log = open_log(postgres_url)
    named = [Column(f"n {k}", "numeric") for k in range(3)]
    log.register("m", named)
    table = prediction_table("m", named)
    names = ["id", "predicted_at", "request_id", "version", *(c.name for c in named), "labelled_at", "text"]
    rows = [
        (2**62, 1, "a", 7, 1.5, float("inf"), -0.0, None, "naïve, 'quoted'\n"),
        (-5, -(2**60), None, None, None, 1e-300, 3.0, 2**60, ""),
        (3, 3, "b" * 200, -1, float("-inf"), 0.1, None, 3, "\\N"),
    ]
    insert = text_of(sa.insert(table).values({name: sa.bindparam(name) for name in names}), log.engine.dialect)
    query = sa.select(table).order_by(table.c.id)
    stored = []
    for bring in (lambda c: copy_rows(c, table, names, iter(rows)), lambda c: run_many(c, insert, rows) == len(rows)):
        with writing(log.engine) as connection:
            assert bring(connection)
            stored.append(repr(connection.execute(query).all()))
            connection.execute(sa.delete(table))
    assert stored[0] == stored[1]
    with writing(log.engine) as connection:
        savepoint = connection.begin_nested()
        assert not copy_rows(connection, table, names, [rows[0], rows[0]])
        savepoint.rollback()
        assert connection.execute(query).all() == []
    log.close()


def ask_after_the_end(connection, other):
    process = run(connection, "SELECT pg_backend_pid()").fetchone()[0]
    with other.engine.connect() as killer:
        killer.execute(sa.text("SELECT pg_terminate_backend(:process)"), {"process": process})
    run(connection, "SELECT 1")


def test_a_connection_that_the_server_drops_is_not_used_again(postgres_url):
    log, other = open_log(postgres_url), open_log(postgres_url)
    with pytest.raises(sa.exc.OperationalError) as failed, writing(log.engine) as connection:
        ask_after_the_end(connection, other)
    assert failed.value.connection_invalidated
    assert log.models() == ()
    log.close()
    other.close()

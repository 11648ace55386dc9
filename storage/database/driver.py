"""What SQLAlchemy leaves to each database: inserts that may meet a row, and statements as text, straight to the driver.

For a single row, SQLAlchemy's own way takes longer than the database.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_CHUNK = 5_000

_POSTGRESQL = postgresql.psycopg.dialect(paramstyle="format")
_UNIQUE_VIOLATION = "23505"
# PostgreSQL's names; a big integer is an integer to SQLAlchemy too.
_WIRE_TYPES = {sa.BigInteger: "int8", sa.Integer: "int4", sa.Double: "float8", sa.String: "text"}


def insert_or_ignore(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that passes over a row which a unique key of the table forbids, whoever wrote the other one.

    It is what makes "insert unless it is there" safe: to look first and then to insert is safe only where one writes at
    a time, as in SQLite. On PostgreSQL it waits for whoever is writing such a row, and what is read after it is as they
    left it.
    """
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_update(
    connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], changes: Mapping[str, Any]
) -> postgresql.Insert | sqlite.Insert:
    """Return an insert of a row that makes these changes instead where one with its primary key is there already."""
    key = [column.name for column in table.primary_key]
    return _insert(connection, table).values(row).on_conflict_do_update(index_elements=key, set_=changes)


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def text_of(statement: sa.ClauseElement, dialect: sa.Dialect) -> str:
    """Write a statement as the driver takes it, with parameters by position."""
    return str(statement.compile(dialect=_POSTGRESQL if dialect.name == "postgresql" else dialect))


class Prepared:
    """A statement that is written once for each kind of database, however often it is executed."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        self._statement = statement
        self._texts: dict[str, str] = {}

    def run(self, connection: sa.Connection, *parameters: Any) -> Any:
        """Execute the statement with its parameters in the order in which it names them."""
        name = connection.dialect.name
        if name not in self._texts:
            self._texts[name] = text_of(self._statement, connection.dialect)
        return run(connection, self._texts[name], parameters)


def run(connection: sa.Connection, statement: str, parameters: Sequence[Any] = ()) -> Any:
    """Execute a statement with bound parameters in the connection's transaction; return the driver's cursor.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        As SQLAlchemy itself would raise it, so that callers need not care which way a statement went.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, parameters)
    except _driver_error(connection) as error:
        raise _translated(connection, statement, error) from error
    return cursor


def run_many(connection: sa.Connection, statement: str, rows: Iterable[Sequence[Any]]) -> int:
    """Execute a statement for every row, which may be an iterator; return how many rows of the database it changed."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.executemany(statement, rows)
    except _driver_error(connection) as error:
        raise _translated(connection, statement, error) from error
    n: int = cursor.rowcount
    return n


def copy_rows(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bool:
    """Bring rows into a table of PostgreSQL as one binary stream: four times as fast as statement by statement.

    False if one of them is in conflict with the table; then the transaction must go back to a savepoint.
    """
    quoted = connection.dialect.identifier_preparer
    columns = ", ".join(quoted.quote(name) for name in names)
    statement = f"COPY {quoted.format_table(table)} ({columns}) FROM STDIN WITH (FORMAT BINARY)"
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            copy.set_types([_wire_type(table.c[name].type) for name in names])
            for row in rows:
                copy.write_row(row)
    except _driver_error(connection) as error:
        if getattr(error, "sqlstate", None) == _UNIQUE_VIOLATION:
            return False
        raise _translated(connection, statement, error) from error
    return True


def _wire_type(declared: sa.types.TypeEngine[Any]) -> str:
    return next(name for kind, name in _WIRE_TYPES.items() if isinstance(declared, kind))


def _driver_error(connection: sa.Connection) -> type[Exception]:
    found: type[Exception] = connection.dialect.loaded_dbapi.Error
    return found


def _translated(connection: sa.Connection, statement: str, error: Any) -> BaseException:
    lost = connection.dialect.is_disconnect(error, connection.connection, None)
    if lost:
        connection.invalidate(error)
    return sa.exc.DBAPIError.instance(
        statement, None, error, _driver_error(connection), connection_invalidated=lost, dialect=connection.dialect
    )


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split what is bound to one statement: SQLite binds at most 32,766 values."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]

"""The connection to the database: one SQLite file by default, any SQLAlchemy URL in principle."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

import sqlalchemy as sa

from storage.database.sqlite_files import fault_of

DEFAULT_URL = "sqlite:///var/drift.db"
# How long a writer waits for its turn.
PATIENCE_SECONDS = 30
# What transactions take turns at (`wait_for_turn`): numbers that nothing else of ours locks in PostgreSQL.
MIGRATING, CREATING_A_MODEL = 7_233_519, 7_233_520
SQLITE_PRAGMAS = (
    # page_size first: it only takes effect while the file is empty and not yet in WAL mode.
    "page_size = 16384",
    "journal_mode = wal",
    "synchronous = normal",
    f"busy_timeout = {1000 * PATIENCE_SECONDS}",
    "cache_size = -65536",
    # Memory mapping made cold reads seven times slower.
    "mmap_size = 0",
    "temp_store = memory",
    "foreign_keys = on",
    # What a busy hour has added to the write-ahead log is given back once everything is in the file.
    "journal_size_limit = 67108864",
)
# Threads of one process take turns here, in order: SQLite itself would let them poll, and some of them starve.
_turns: WeakKeyDictionary[sa.Engine, threading.Lock] = WeakKeyDictionary()
# The engines of this process that may hold a file open.
_holders: dict[Path, WeakSet[sa.Engine]] = {}
_looking = threading.Lock()
_log = logging.getLogger(__name__)


class Database(Protocol):
    """An open database: whatever has an engine, such as a `PredictionLog`.

    Outside a transaction it is what a function asks for first; inside one, that is the `Connection`.
    """

    @property
    def engine(self) -> sa.Engine: ...


class DatabaseFault(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


class DatabaseBusy(DatabaseFault):
    """Other writers had the database for as long as this one would wait: nothing was written, try again later."""


def open_engine(url: str = DEFAULT_URL) -> sa.Engine:
    """Open the database behind an SQLAlchemy URL, with the settings that the log relies on.

    Raises
    ------
    DatabaseFault
        If the URL has no dialect, or an SQLite file is not a database.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:
        # A URL may hold a password: of one that cannot be read, only the dialect is shown.
        raise DatabaseFault(
            "The database URL must look like sqlite:///var/drift.db or postgresql://user@host/name; "
            f"got one that begins with {url.partition(':')[0][:20]!r}."
        ) from error
    if parsed.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, parsed.database)
        _turns[engine] = threading.Lock()
    if parsed.get_backend_name() == "postgresql":
        _read_binary(engine)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open one consistent, read-only view: it never waits for a writer."""
    options: dict[str, Any] = {"drift_read_only": True}
    if engine.dialect.name == "postgresql":
        # Several statements must see one state: segments and the rows behind them.
        options["isolation_level"] = "REPEATABLE READ"
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that writes: it commits as a whole or leaves nothing behind.

    Raises
    ------
    DatabaseBusy
        If other writers did not let this one in for half a minute.
    """
    turn = _turns.get(engine)
    if turn is not None and not turn.acquire(timeout=PATIENCE_SECONDS):
        raise DatabaseBusy(_BUSY)
    try:
        with engine.connect() as connection, _begun(connection):
            yield connection
    finally:
        if turn is not None:
            turn.release()


def wait_for_turn(connection: sa.Connection, at: int) -> None:
    """Let one transaction after the other go on from here, where there is no row yet that they could hold.

    What is read after it is as the one before left it. In SQLite one writes at a time anyway.

    Parameters
    ----------
    at : what they take turns at, `MIGRATING` or `CREATING_A_MODEL`
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(at)))


@contextmanager
def cleaning_up(error: BaseException) -> Iterator[None]:
    """Clean up after an error that goes up: what fails here is noted on that error, and does not take its place."""
    try:
        yield
    except Exception as failed:  # whatever it is, the first error is the cause
        # Without the statement and its values, which SQLAlchemy would add.
        said = str(failed.orig if isinstance(failed, sa.exc.DBAPIError) else failed)
        error.add_note(f"The clean-up after it failed too: {type(failed).__name__}: {' '.join(said.split())}")


@contextmanager
def erasing(connection: sa.Connection) -> Iterator[None]:
    """Overwrite what is deleted within: SQLite would leave it in the file's free pages until they are used again."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA secure_delete = on")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete = off")


def empty_write_ahead_log(engine: sa.Engine) -> None:
    """Bring everything written into an SQLite file itself and cut its write-ahead log to nothing."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()


def _begun(connection: sa.Connection) -> sa.RootTransaction:
    try:
        return connection.begin()
    except sa.exc.OperationalError as error:
        if "database is locked" in str(error.orig):
            raise DatabaseBusy(_BUSY) from error
        raise


_BUSY = f"The database is busy: other writers had it for {PATIENCE_SECONDS} s. Nothing was written; try again later."


def _read_binary(engine: sa.Engine) -> None:
    """Let statements ask for BLOBs as they are: as text they would be twice as long, and four times as slow."""

    @sa.event.listens_for(engine, "before_cursor_execute")
    def set_format(_c: Any, cursor: Any, _s: Any, _p: Any, context: Any, _many: bool) -> None:
        if context is not None and context.execution_options.get("drift_binary"):
            from psycopg.pq import Format  # only there where PostgreSQL is used

            cursor.format = Format.BINARY


def _prepare_sqlite(engine: sa.Engine, database: str | None) -> None:
    if database and database != ":memory:":
        path = Path(database)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseFault(
                f"The folder of the database cannot be made: {error}. Name another one in DRIFT_DATABASE_URL."
            ) from error
        _refuse_foreign_file(engine, path)

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        # SQLAlchemy's own transactions would begin deferred; `begin` below decides.
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A deferred transaction that turns into a write fails at once, whatever the time-out: writers lock first.
        read_only = connection.get_execution_options().get("drift_read_only")
        statement = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        try:
            # Past SQLAlchemy, whose own way costs a tenth of storing a single row.
            connection.connection.cursor().execute(statement)
        except sqlite3.Error as error:
            raise sa.exc.DBAPIError.instance(statement, None, error, sqlite3.Error) from error

    if (3, 7, 0) <= sqlite3.sqlite_version_info < (3, 51, 3):
        _log.info("SQLite %s has a rare WAL-reset race; 3.51.3 or later mends it.", sqlite3.sqlite_version)


def _refuse_foreign_file(engine: sa.Engine, path: Path) -> None:
    """Look at a file before it is opened, unless this process has it open already.

    POSIX locks belong to the process: closing any handle on the file would drop those of all its connections, and
    whoever else closes the file last would delete the write-ahead log under them.
    """
    with _looking:
        holders = _holders.setdefault(path.resolve(), WeakSet())
        if not holders and (fault := fault_of(path)):
            raise DatabaseFault(fault)
        holders.add(engine)
    sa.event.listen(engine, "engine_disposed", holders.discard)
    sa.event.listen(engine, "connect", lambda _connection, _record: holders.add(engine))

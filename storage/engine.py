"""The connection to the database: one SQLite file by default, any SQLAlchemy URL in principle."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

DEFAULT_URL = "sqlite:///var/drift.db"
SQLITE_PRAGMAS = (
    # page_size first: it only takes effect while the file is empty and not yet in WAL mode.
    "page_size = 16384",
    "journal_mode = wal",
    "synchronous = normal",
    "busy_timeout = 30000",
    "cache_size = -65536",
    # Memory mapping made cold reads seven times slower.
    "mmap_size = 0",
    "temp_store = memory",
    "foreign_keys = on",
)
_log = logging.getLogger(__name__)


class DatabaseFault(Exception):
    """The database cannot be used as it is; the message says why and what to do."""


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
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open one consistent, read-only view: it never waits for a writer."""
    with engine.connect().execution_options(drift_read_only=True) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that writes: it commits as a whole or leaves nothing behind."""
    with engine.begin() as connection:
        yield connection


def _prepare_sqlite(engine: sa.Engine, database: str | None) -> None:
    if database and database != ":memory:":
        path = Path(database)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseFault(
                f"The folder of the database cannot be made: {error}. Name another one in DRIFT_DATABASE_URL."
            ) from error
        _refuse_foreign_file(path)

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
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    if (3, 7, 0) <= sqlite3.sqlite_version_info < (3, 51, 3):
        _log.info("SQLite %s has a rare WAL-reset race; 3.51.3 or later mends it.", sqlite3.sqlite_version)


def _refuse_foreign_file(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with path.open("rb") as file:
            header = file.read(16)
    except OSError as error:
        raise DatabaseFault(f"{path} must be a file that can be read: {error.strerror}.") from error
    if header != b"SQLite format 3\x00":
        raise DatabaseFault(
            f"{path} must be an SQLite database; it starts with {header!r}. "
            "Name another file in DRIFT_DATABASE_URL, or move this one away."
        )

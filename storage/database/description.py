"""What the database is, for people: its kind, its place and its size, and never a password."""

from dataclasses import dataclass

import sqlalchemy as sa

from storage.database.engine import Database, reading


@dataclass(frozen=True)
class DatabaseDescription:
    """Where the log is kept; `n_bytes` is the size of everything in it."""

    kind: str
    place: str
    n_bytes: int


def describe_database(database: Database) -> DatabaseDescription:
    """Return what the database is. Of its URL only host and name are told: a password may stand in several places."""
    url, dialect = database.engine.url, database.engine.dialect.name
    with reading(database.engine) as connection:
        if dialect == "sqlite":
            pages, page_size = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in ("page_count", "page_size")
            )
            return DatabaseDescription("SQLite", url.database or "in memory", pages * page_size)
        size = connection.execute(sa.select(sa.func.pg_database_size(sa.func.current_database()))).scalar_one()
    host = url.host or "the local server"
    return DatabaseDescription("PostgreSQL", f"{url.database} on {host}", int(size))

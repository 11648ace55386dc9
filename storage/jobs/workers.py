"""Which worker processes are alive."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.database.clock import now
from storage.database.driver import insert_or_ignore
from storage.database.engine import Database, DatabaseBusy, reading, writing
from storage.database.schema import worker

# A worker beats every few seconds; one that has been silent for so long is taken for dead.
ALIVE = timedelta(seconds=30)
_KEPT = timedelta(days=1)
# What a worker waits out: the server restarts, the network is away, a writer holds the file for long, all connections
# are in use.
DatabaseAway = (
    DatabaseBusy,
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.InternalError,
    sa.exc.TimeoutError,
)


@dataclass(frozen=True)
class Worker:
    """A worker process and when it last showed itself."""

    id: str
    host: str
    pid: int
    version: str
    started_at: datetime
    heartbeat_at: datetime


def beat(database: Database, id: str, host: str, pid: int, version: str) -> None:
    """Show that a worker lives; rows of workers long dead go."""
    with writing(database.engine) as connection:
        at = now(connection)
        known = sa.update(worker).where(worker.c.id == id).values(heartbeat_at=at)
        if not connection.execute(known).rowcount:
            row = {"id": id, "host": host, "pid": pid, "version": version, "started_at": at, "heartbeat_at": at}
            connection.execute(insert_or_ignore(connection, worker).values(row))
            connection.execute(sa.delete(worker).where(worker.c.heartbeat_at < at - _KEPT))


def leave(database: Database, id: str) -> None:
    """Take a worker that ends off the list."""
    with writing(database.engine) as connection:
        connection.execute(sa.delete(worker).where(worker.c.id == id))


def read_live_workers(database: Database) -> tuple[Worker, ...]:
    """Return the workers that have shown themselves lately, the longest running first."""
    with reading(database.engine) as connection:
        query = sa.select(worker).where(worker.c.heartbeat_at >= now(connection) - ALIVE)
        rows = connection.execute(query.order_by(worker.c.started_at, worker.c.id))
        return tuple(Worker(**row._mapping) for row in rows)

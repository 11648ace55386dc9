"""The time that workers on several machines agree on."""

from datetime import UTC, datetime

import sqlalchemy as sa


def now(connection: sa.Connection) -> datetime:
    """Return the instant by the clock that all workers of a database share.

    On PostgreSQL it is the server's: leases must not depend on whose machine runs ahead. An SQLite file has the
    clock of the one machine that may open it.
    """
    if connection.dialect.name == "postgresql":
        at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return at.astimezone(UTC)
    return datetime.now(UTC)

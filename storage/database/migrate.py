"""Brings a database to the tables that this release expects."""

import threading
from pathlib import Path

import sqlalchemy as sa

from storage.database.engine import MIGRATING, DatabaseFault, wait_for_turn, writing

HEAD = "0007"
# Alembic keeps the migration that runs in module globals: one at a time in a process.
_one_at_a_time = threading.Lock()


def migrate(engine: sa.Engine) -> None:
    """Apply the migrations that the database lacks; safe when several processes start at once.

    Raises
    ------
    DatabaseFault
        If the database was written by a newer release, is damaged or cannot be reached.
    """
    try:
        if _applied(engine) == HEAD:
            return
        # Alembic is slow to import and only needed here.
        from alembic import command, config
        from alembic.util import CommandError

        with _one_at_a_time, writing(engine) as connection:
            wait_for_turn(connection, MIGRATING)
            settings = config.Config()
            settings.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
            settings.attributes["connection"] = connection
            try:
                command.upgrade(settings, HEAD)
            except CommandError as error:
                raise DatabaseFault(
                    f"The database must come from this release or an older one: {error}. Install the newer release."
                ) from error
    except sa.exc.DatabaseError as error:
        reachable = not isinstance(error, sa.exc.OperationalError)
        advice = "Restore it from a backup" if reachable else "See that it runs and that you may use it"
        said = " ".join(str(error.orig).split()).rstrip(".?")
        raise DatabaseFault(
            f"The database cannot be read: {said}. {advice}, or name another one in DRIFT_DATABASE_URL."
        ) from error


def _applied(engine: sa.Engine) -> str | None:
    if not sa.inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

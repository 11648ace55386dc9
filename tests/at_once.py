"""Work that is done at once, and not by luck: on PostgreSQL all of it waits for one table until the last has come."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from storage.engine import open_engine
from tests.patience import wait_for


def at_once(url: str, table: str, works: Sequence[Callable[[], object]]) -> list[object]:
    """Run each of these in a thread of its own, all of them at once; return what each returned, or its error."""
    told: list[object] = [None] * len(works)
    ready = threading.Barrier(len(works))

    def run(k: int) -> None:
        try:
            ready.wait()
            told[k] = works[k]()
        except Exception as error:
            told[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(works))]
    with held(url, table) as wait_for:
        for thread in threads:
            thread.start()
        wait_for(len(works))
    for thread in threads:
        thread.join()
    return told


@contextmanager
def held(url: str, table: str) -> Iterator[Callable[[int], None]]:
    """Let everybody read a table of PostgreSQL and nobody write it; yield what waits until so many want to.

    What they decided on has been read by then. SQLite lets one write at a time anyway, and tells of nobody who waits.
    """
    if not url.startswith("postgresql"):
        yield lambda n: None
        return
    engine = open_engine(url)
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text(f"LOCK TABLE {table} IN SHARE MODE"))
        yield lambda n: wait_until_held_up(engine, n)
    engine.dispose()


def wait_until_held_up(engine: sa.Engine, n: int) -> None:
    """Wait until so many transactions of PostgreSQL wait for a lock; SQLite does not tell who waits."""
    if engine.dialect.name != "postgresql":
        return
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_for(lambda: connection.execute(query).scalar_one() >= n, f"the moment at which {n} wait for a lock")

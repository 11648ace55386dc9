"""Puts checked rows into a model's log: each once, whatever is sent twice."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from storage import ids
from storage.catalogue import CATEGORIES_LIMIT, Catalogue, Entry, Layout, add_categories
from storage.rows import PLAIN, Batch, Coded, RejectedRow

_CHUNK = 5_000
_DUPLICATE = "request_id must be new: a row with {!r} is in the log already, which was left as it is."


def insert_batch(
    connection: sa.Connection, catalogue: Catalogue, entry: Entry, batch: Batch, rng: np.random.Generator
) -> tuple[int, int, list[RejectedRow]]:
    """Insert the rows of a batch.

    Returns
    -------
    n_inserted, n_new_categories, rejected
        Rejected are rows whose request id is taken, and rows with one category too many.
    """
    layout = catalogue.layout(connection, entry)
    codes, n_new, overflowing = _codes(connection, catalogue, entry, batch)
    rejected = [RejectedRow(batch.positions[k], error) for k, error in overflowing.items()]
    request_ids = batch.texts["request_id"]
    kept, repeated = _first_of_each(request_ids, overflowing)
    newest = connection.execute(sa.select(sa.func.max(layout.table.c.id))).scalar()
    allocated = ids.allocate(np.array(batch.predicted_at, np.int64), newest, rng).tolist()
    rows = _tuples(layout, batch, codes, allocated)
    kept, taken = _insert(connection, layout, rows, kept, request_ids, rng)
    for k in sorted([*repeated, *taken]):
        rejected.append(RejectedRow(batch.positions[k], _DUPLICATE.format(request_ids[k])))
    return len(kept), n_new, sorted(rejected, key=lambda row: row.row)


def _first_of_each(request_ids: Sequence[str | None], dropped: Iterable[int]) -> tuple[list[int], list[int]]:
    seen: set[str] = set()
    kept, repeated = [], []
    skip = set(dropped)
    for k, request_id in enumerate(request_ids):
        if k in skip:
            continue
        if request_id is not None and request_id in seen:
            repeated.append(k)
            continue
        if request_id is not None:
            seen.add(request_id)
        kept.append(k)
    return kept, repeated


def _codes(
    connection: sa.Connection, catalogue: Catalogue, entry: Entry, batch: Batch
) -> tuple[dict[str, list[int | None]], int, dict[int, str]]:
    """Translate the batch's categories to the model's codes; new values join the dictionary."""
    dictionary = catalogue.dictionary(connection, entry)
    result, n_new = {}, 0
    overflowing: dict[int, str] = {}
    for column, coded in batch.categories.items():
        lookup, added = _lookup(connection, entry, column, coded, dictionary.get(column, ()))
        n_new += added
        result[column] = [lookup[code] for code in coded.codes]
        if -1 in lookup[:-1]:
            for k, code in enumerate(result[column]):
                if code == -1:
                    overflowing.setdefault(k, f"{column} {CATEGORIES_LIMIT}; this row brings a new one.")
    return result, n_new, overflowing


def _lookup(
    connection: sa.Connection, entry: Entry, column: str, coded: Coded, known: tuple[str, ...]
) -> tuple[list[int | None], int]:
    positions = {value: code for code, value in enumerate(known)} if coded.values else {}
    new = [value for value in coded.values if value not in positions]
    n_added = add_categories(connection, entry, column, len(known), new) if new else 0
    positions |= {value: len(known) + k for k, value in enumerate(new[:n_added])}
    # The last place answers for code -1: missing.
    return [*(positions.get(value, -1) for value in coded.values), None], n_added


def _tuples(
    layout: Layout, batch: Batch, codes: dict[str, list[int | None]], allocated: list[int]
) -> list[tuple[Any, ...]]:
    fields: dict[str, Sequence[Any]] = {"id": allocated, "predicted_at": batch.predicted_at}
    fields["labelled_at"] = batch.labelled_at
    fields |= batch.numbers
    fields |= codes
    fields |= {name: batch.texts[name] for name in PLAIN}
    return list(zip(*(fields[column.name] for column in layout.table.columns), strict=True))


def _insert(
    connection: sa.Connection,
    layout: Layout,
    rows: list[tuple[Any, ...]],
    kept: list[int],
    request_ids: Sequence[str | None],
    rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Insert the kept rows; return those that are in the log now and those whose request id was taken."""
    sql = _insert_sql(connection, layout.table)
    if _insert_all(connection, sql, [rows[k] for k in kept]):
        return kept, []
    taken_ids = _existing(connection, layout.table, [request_ids[k] for k in kept])
    taken = [k for k in kept if request_ids[k] in taken_ids]
    kept = [k for k in kept if request_ids[k] not in taken_ids]
    if _insert_all(connection, sql, [rows[k] for k in kept]):
        return kept, taken
    late = [k for k in kept if not _insert_one(connection, sql, layout.table, rows[k], request_ids[k], rng)]
    return [k for k in kept if k not in set(late)], taken + late


def _insert_all(connection: sa.Connection, sql: str, rows: list[tuple[Any, ...]]) -> bool:
    """Insert every row, or none if one of them is in conflict with the log."""
    if not rows:
        return True
    savepoint = connection.begin_nested()
    if connection.exec_driver_sql(sql, rows).rowcount == len(rows):
        savepoint.commit()
        return True
    savepoint.rollback()
    return False


def _insert_one(
    connection: sa.Connection,
    sql: str,
    table: sa.Table,
    row: tuple[Any, ...],
    request_id: str | None,
    rng: np.random.Generator,
) -> bool:
    """Insert a row under the next free id of its millisecond; False if its request id is taken."""
    first = row[0] >> ids.SEQUENCE_BITS << ids.SEQUENCE_BITS
    while connection.exec_driver_sql(sql, [row]).rowcount == 0:
        if request_id is not None and _existing(connection, table, [request_id]):
            return False
        row = (first + int(rng.integers(1 << ids.SEQUENCE_BITS)), *row[1:])
    return True


def _existing(connection: sa.Connection, table: sa.Table, request_ids: Sequence[str | None]) -> set[str]:
    asked = [request_id for request_id in request_ids if request_id is not None]
    found: set[str] = set()
    for chunk in chunks(asked):
        query = sa.select(table.c.request_id).where(table.c.request_id.in_(chunk))
        found.update(connection.execute(query).scalars())
    return found


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split what is bound to one statement: SQLite binds at most 32,766 values."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _insert_sql(connection: sa.Connection, table: sa.Table) -> str:
    """Write the statement once for the driver itself: tuples go in five times faster than dictionaries."""
    if connection.dialect.name == "postgresql":
        positional = postgresql.psycopg.dialect(paramstyle="format")
        return str(postgresql.insert(table).on_conflict_do_nothing().compile(dialect=positional))
    return str(sqlite.insert(table).on_conflict_do_nothing().compile(dialect=connection.dialect))

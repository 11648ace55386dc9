"""Puts checked rows into a model's log: each once, whatever is sent twice."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from storage.checking.cells import CODED, PLAIN
from storage.checking.rows import Batch, Coded, RejectedRow
from storage.database import ids
from storage.database.driver import chunks, copy_rows, run, run_many
from storage.models.catalogue import CATEGORIES_LIMIT, Catalogue, Entry, add_categories
from storage.models.layout import Layout

_OPTIONAL = (*CODED, *PLAIN, "labelled_at")
_NO_CODES: Mapping[str, int] = {}
_DUPLICATE = "request_id must be new: a row with {!r} is in the log already, which was left as it is."


@dataclass(frozen=True)
class Inserted:
    """What became of a batch: the places in it of the rows that are in the log now, and their ids and codes.

    Attributes
    ----------
    ids : int64 array, shape (len(kept),)
        Ids of the rows in the log, in the order of `kept`.
    """

    kept: list[int]
    ids: np.ndarray
    codes: dict[str, list[int | None]]
    n_new_categories: int
    rejected: list[RejectedRow]


def insert_batch(
    connection: sa.Connection,
    catalogue: Catalogue,
    entry: Entry,
    batch: Batch,
    newest: int | None,
    rng: np.random.Generator,
) -> Inserted:
    """Insert the rows of a batch; rejected are those whose request id is taken, or with one category too many.

    Parameters
    ----------
    newest : the largest id in the log, None while it is empty
    """
    layout = catalogue.layout(connection, entry)
    known = catalogue.codes(connection, entry)
    request_ids = batch.texts["request_id"]
    kept, refused = _first_of_each(request_ids)
    brings_new = _brings_new(batch, known)
    if brings_new and any(request_ids):
        # What is in the log already must add nothing to the dictionary.
        taken_ids = _existing(connection, layout.table, request_ids)
        refused += [k for k in kept if request_ids[k] in taken_ids]
        kept = [k for k in kept if request_ids[k] not in taken_ids]
    codes, n_new, overflowing = _codes(connection, entry, known, batch, kept if brings_new else None)
    kept = [k for k in kept if k not in overflowing]
    allocated = ids.allocate(np.array(batch.predicted_at, np.int64), newest, rng).tolist()
    columns = _given(layout, batch, codes, allocated)
    kept, taken, inserted = _insert(connection, layout, columns, kept, request_ids, rng)
    rejected = [RejectedRow(batch.positions[k], error) for k, error in overflowing.items()]
    rejected += [RejectedRow(batch.positions[k], _DUPLICATE.format(request_ids[k])) for k in [*refused, *taken]]
    return Inserted(kept, np.array(inserted, np.int64), codes, n_new, sorted(rejected, key=lambda row: row.row))


def _brings_new(batch: Batch, known: Mapping[str, Mapping[str, int]]) -> bool:
    return any(not known.get(column, _NO_CODES).keys() >= set(c.values) for column, c in batch.categories.items())


def _first_of_each(request_ids: Sequence[str | None]) -> tuple[list[int], list[int]]:
    """Return the places of the rows to insert, and those that repeat the request id of an earlier one."""
    first: dict[str, int] = {}
    for k, request_id in enumerate(request_ids):
        if request_id is not None:
            first.setdefault(request_id, k)
    if len(first) + request_ids.count(None) == len(request_ids):
        return list(range(len(request_ids))), []
    repeated = [k for k, request_id in enumerate(request_ids) if request_id is not None and first[request_id] != k]
    skip = set(repeated)
    return [k for k in range(len(request_ids)) if k not in skip], repeated


def _codes(
    connection: sa.Connection,
    entry: Entry,
    known: Mapping[str, Mapping[str, int]],
    batch: Batch,
    kept: Sequence[int] | None,
) -> tuple[dict[str, list[int | None]], int, dict[int, str]]:
    """Translate the batch's categories to the model's codes; new values of kept rows join the dictionary."""
    result, n_new = {}, 0
    overflowing: dict[int, str] = {}
    for column, coded in batch.categories.items():
        used = None if kept is None else {coded.codes[k] for k in kept}
        lookup, added = _lookup(connection, entry, column, coded, known.get(column, _NO_CODES), used)
        n_new += added
        result[column] = list(map(lookup.__getitem__, coded.codes))
        if kept is not None and -1 in lookup[:-1]:
            for k in kept:
                if result[column][k] == -1:
                    overflowing.setdefault(k, f"{column} {CATEGORIES_LIMIT}; this row brings a new one.")
    return result, n_new, overflowing


def _lookup(
    connection: sa.Connection,
    entry: Entry,
    column: str,
    coded: Coded,
    known: Mapping[str, int],
    used: Collection[int] | None,
) -> tuple[list[int | None], int]:
    new = [value for code, value in enumerate(coded.values) if value not in known and (used is None or code in used)]
    n_added = add_categories(connection, entry, column, len(known), new) if new else 0
    added = {value: len(known) + k for k, value in enumerate(new[:n_added])}
    # The last place answers for code -1: missing.
    return [*(known.get(value, added.get(value, -1)) for value in coded.values), None], n_added


def _given(
    layout: Layout, batch: Batch, codes: dict[str, list[int | None]], allocated: list[int]
) -> dict[str, Sequence[Any]]:
    """Return the batch's values column by column, in the order of the table, but for optional ones without any."""
    fields: dict[str, Sequence[Any]] = {"id": allocated, "predicted_at": batch.predicted_at}
    fields["labelled_at"] = batch.labelled_at
    fields |= batch.numbers
    fields |= codes
    fields |= {name: batch.texts[name] for name in PLAIN}
    absent = {name for name in _OPTIONAL if fields[name].count(None) == len(batch)}
    return {c.name: fields[c.name] for c in layout.table.columns if c.name not in absent}


def _insert(
    connection: sa.Connection,
    layout: Layout,
    given: Mapping[str, Sequence[Any]],
    kept: list[int],
    request_ids: Sequence[str | None],
    rng: np.random.Generator,
) -> tuple[list[int], list[int], list[int]]:
    """Insert the kept rows; return those in the log now, those whose request id was taken, and the ids of the first."""
    allocated, taken = given["id"], []
    if len(kept) > 1:
        if _insert_all(connection, layout, given, kept):
            return kept, [], [allocated[k] for k in kept]
        taken_ids = _existing(connection, layout.table, [request_ids[k] for k in kept])
        taken = [k for k in kept if request_ids[k] in taken_ids]
        kept = [k for k in kept if request_ids[k] not in taken_ids]
        if _insert_all(connection, layout, given, kept):
            return kept, taken, [allocated[k] for k in kept]
    sql, columns = layout.insert(connection, tuple(given)), list(given.values())
    keys = [_insert_one(connection, sql, layout.table, _row(columns, k), request_ids[k], rng) for k in kept]
    taken += [k for k, key in zip(kept, keys, strict=True) if key is None]
    return [k for k, key in zip(kept, keys, strict=True) if key is not None], taken, [k for k in keys if k is not None]


def _row(columns: Sequence[Sequence[Any]], k: int) -> tuple[Any, ...]:
    return tuple(column[k] for column in columns)


def _insert_all(
    connection: sa.Connection, layout: Layout, given: Mapping[str, Sequence[Any]], kept: Sequence[int]
) -> bool:
    """Insert every kept row, or none if one of them is in conflict with the log."""
    if not kept:
        return True
    columns = list(given.values())
    if len(kept) < len(columns[0]):
        columns = [[column[k] for k in kept] for column in columns]
    # Row by row: thousands of tuples at once would only keep the garbage collector busy.
    rows = zip(*columns, strict=True)
    savepoint = connection.begin_nested()
    if connection.dialect.name == "postgresql":
        all_went_in = copy_rows(connection, layout.table, tuple(given), rows)
    else:
        all_went_in = run_many(connection, layout.insert(connection, tuple(given)), rows) == len(kept)
    savepoint.commit() if all_went_in else savepoint.rollback()
    return all_went_in


def _insert_one(
    connection: sa.Connection,
    sql: str,
    table: sa.Table,
    row: tuple[Any, ...],
    request_id: str | None,
    rng: np.random.Generator,
) -> int | None:
    """Insert a row under a free id of its millisecond and return it; None if its request id is taken."""
    key: int = row[0]
    while run(connection, sql, (key, *row[1:])).rowcount == 0:
        if request_id is not None and _existing(connection, table, [request_id]):
            return None
        key = (key >> ids.SEQUENCE_BITS << ids.SEQUENCE_BITS) + int(rng.integers(1 << ids.SEQUENCE_BITS))
    return key


def _existing(connection: sa.Connection, table: sa.Table, request_ids: Sequence[str | None]) -> set[str]:
    asked = [request_id for request_id in request_ids if request_id is not None]
    found: set[str] = set()
    for chunk in chunks(asked):
        query = sa.select(table.c.request_id).where(table.c.request_id.in_(chunk))
        found.update(connection.execute(query).scalars())
    return found

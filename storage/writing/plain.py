"""The short way in for a few plain predictions: nothing about them is new to the model and nothing can be wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage.database import ids
from storage.database.driver import run, run_many
from storage.models.catalogue import Catalogue, Codes, Entry, grow
from storage.models.layout import Layout

# More are faster column by column.
MOST_PLAIN = 32


class NotPlain(Exception):
    """Rows that looked plain are not: nothing is stored of them yet."""


@dataclass(slots=True)
class PlainRow:
    """A record as its row in the log but for the id, translated by what was known of the model at that time."""

    layout: Layout
    codes: Codes
    predicted_at: int
    values: tuple[Any, ...]


def plain_rows(catalogue: Catalogue, model: str, records: Sequence[object]) -> list[PlainRow]:
    """Translate a few records; none at all where one of them, or their number, is not for the short way."""
    if not 0 < len(records) <= MOST_PLAIN:
        return []
    rows = []
    for record in records:
        row = plain_row(catalogue, model, record)
        if row is None:
            return []
        rows.append(row)
    return rows


def plain_row(catalogue: Catalogue, model: str, record: object) -> PlainRow | None:
    """Translate a record; None where it must go the long way, be it wrong or only unusual."""
    known = catalogue.remembered(model)
    if known is None or type(record) is not dict:
        return None
    layout, codes = known
    rules = layout.rules
    if not record.keys() <= layout.fields or _has_label(record):
        return None
    try:
        predicted_at = rules["predicted_at"](record.get("predicted_at"))
        texts = [rules[name](record.get(name)) for name in ("request_id", "entity_id")]
        text = rules["text"](record.get("text"))
        values = [
            _number(record.get(name)) if is_numeric else _code(record.get(name), codes.get(name))
            for name, is_numeric in layout.typed
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return PlainRow(layout, codes, predicted_at, (predicted_at, *texts, *values, None, text))


def _has_label(record: Mapping[str, Any]) -> bool:
    """Tell whether a label comes with its prediction: whoever counts labels must hear of it."""
    return record.get("label") is not None or record.get("labelled_at") is not None


def _number(value: object) -> float | None:
    if value is None:
        return None
    if type(value) is int:
        return float(value)
    if type(value) is not float:
        raise TypeError
    return value if value == value else None  # NaN is missing


def _code(value: object, codes: Mapping[str, int] | None) -> int | None:
    if value is None:
        return None
    if type(value) is not str or codes is None:
        raise TypeError
    return codes[value]


def insert_plain(connection: sa.Connection, catalogue: Catalogue, entry: Entry, rows: Sequence[PlainRow]) -> None:
    """Insert rows in the caller's transaction, which holds the model's row.

    Raises
    ------
    NotPlain
        If they must go the long way after all: the model has changed, they are older than others or out of order, or
        a request id is taken. The transaction must not be committed.
    """
    layout, codes = catalogue.layout(connection, entry), catalogue.codes(connection, entry)
    newest = layout.newest_id(connection)
    tuples = []
    for row in rows:
        newest = ids.next_id(row.predicted_at, newest)
        if newest is None or row.layout is not layout or row.codes is not codes:
            raise NotPlain
        tuples.append((newest, *row.values))
    insert = layout.insert(connection)
    n = run_many(connection, insert, tuples) if len(tuples) > 1 else run(connection, insert, tuples[0]).rowcount
    if n != len(tuples):
        raise NotPlain
    grow(connection, entry, n, 0)

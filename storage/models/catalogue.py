"""Which models there are, what columns each has, and what its category codes mean."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Protocol

import sqlalchemy as sa

from drift.data.windows import Column
from storage.checking.spelling import Reading
from storage.database import schema
from storage.database.driver import Prepared
from storage.database.engine import Database, reading
from storage.models.layout import Layout

MAX_CATEGORIES = 32_000
CATEGORIES_LIMIT = f"must have at most {MAX_CATEGORIES:,} distinct values over the model's life"


class UnknownModel(ValueError):
    """No model of that name is registered."""


@dataclass(frozen=True)
class Entry:
    """A model's row as one transaction sees it."""

    id: int
    name: str
    revision: int
    n_rows: int
    n_columns: int
    n_categories: int
    sealed_id: int | None
    n_sealed: int
    n_retired: int
    seal_revision: int

    @property
    def n_unsealed(self) -> int:
        """How many rows stand behind the watermark."""
        return self.n_rows - self.n_sealed


Codes = Mapping[str, Mapping[str, int]]
_c = schema.model.c
_ENTRY = sa.select(*(_c[field.name] for field in fields(Entry))).where(_c.name == sa.bindparam("model"))
_READ, _LOCK = Prepared(_ENTRY), Prepared(_ENTRY.with_for_update())
_GROW = Prepared(
    sa.update(schema.model)
    .values(
        revision=_c.revision + sa.text("1"),
        n_rows=_c.n_rows + sa.bindparam("n_rows_added"),
        n_categories=_c.n_categories + sa.bindparam("n_categories_added"),
    )
    .where(_c.id == sa.bindparam("model_id"))
)


def read_names(connection: sa.Connection) -> tuple[str, ...]:
    """Return every model's name, in the order of registration."""
    return tuple(connection.execute(sa.select(_c.name).order_by(_c.id)).scalars())


def read_entry(connection: sa.Connection, model: str, *, lock: bool = False) -> Entry:
    """Return a model's row; with `lock`, other writers of the model wait for this transaction.

    Raises
    ------
    UnknownModel
        If there is no such model.
    """
    found = find_entry(connection, model, lock=lock)
    if found is None:
        known = ", ".join(read_names(connection)) or "none is registered yet"
        raise UnknownModel(f"model must be a registered one ({known}); got {model!r}.")
    return found


def find_entry(connection: sa.Connection, model: str, *, lock: bool = False) -> Entry | None:
    """Return a model's row as `read_entry` does, None if there is no such model."""
    row = (_LOCK if lock else _READ).run(connection, model).fetchone()
    return None if row is None else Entry(*row)


def read_layout(connection: sa.Connection, entry: Entry) -> Layout:
    """Return a model's columns and the table of its log."""
    c = schema.model_column.c
    query = sa.select(c.name, c.kind, c.role, c.spelling, c.missing).where(c.model_id == entry.id)
    rows = connection.execute(query.order_by(c.position)).all()
    columns = tuple(Column(*row[:3]) for row in rows)
    readings = {name: Reading(spelling, frozenset(missing)) for name, _, _, spelling, missing in rows}
    return Layout(columns, schema.prediction_table(entry.name, columns), readings)


def read_dictionary(connection: sa.Connection, entry: Entry) -> dict[str, tuple[str, ...]]:
    """Return the categories of every coded column, each at the position that is its code."""
    c = schema.category.c
    rows = connection.execute(
        sa.select(c.column_name, c.value).where(c.model_id == entry.id).order_by(c.column_name, c.code)
    )
    grouped: dict[str, list[str]] = {}
    for column, value in rows:
        grouped.setdefault(column, []).append(value)
    return {column: tuple(values) for column, values in grouped.items()}


def grow(connection: sa.Connection, entry: Entry, n_rows: int, n_categories: int) -> None:
    """Add to a model's totals, which tells every cache that the model has changed."""
    _GROW.run(connection, n_rows, n_categories, entry.id)


class Catalogue:
    """Reads models through a cache that a changed count in the model's row makes stale."""

    def __init__(self) -> None:
        self._layouts: dict[int, Layout] = {}
        self._dictionaries: dict[int, tuple[int, dict[str, tuple[str, ...]]]] = {}
        self._codes: dict[int, tuple[dict[str, tuple[str, ...]], dict[str, dict[str, int]]]] = {}
        self._ids: dict[str, int] = {}

    def layout(self, connection: sa.Connection, entry: Entry) -> Layout:
        """Return what `read_layout` does."""
        known = self._layouts.get(entry.id)
        if known is None or len(known.columns) != entry.n_columns:
            known = self._layouts[entry.id] = read_layout(connection, entry)
            self._ids[entry.name] = entry.id
        return known

    def known_layout(self, model: str) -> Layout | None:
        """Return the layout that a model had when it was last asked about: to be checked in the next transaction."""
        return self._layouts.get(self._ids.get(model, -1))

    def remembered(self, model: str) -> tuple[Layout, Codes] | None:
        """Return a model's layout and codes when it was last asked about: to be checked in the next transaction."""
        model_id = self._ids.get(model, -1)
        layout, codes = self._layouts.get(model_id), self._codes.get(model_id)
        return None if layout is None or codes is None else (layout, codes[1])

    def dictionary(self, connection: sa.Connection, entry: Entry) -> dict[str, tuple[str, ...]]:
        """Return what `read_dictionary` does."""
        n, known = self._dictionaries.get(entry.id, (-1, {}))
        if n != entry.n_categories:
            known = read_dictionary(connection, entry)
            self._dictionaries[entry.id] = (entry.n_categories, known)
        return known

    def codes(self, connection: sa.Connection, entry: Entry) -> Codes:
        """Return the code of every category of every coded column."""
        dictionary = self.dictionary(connection, entry)
        known, codes = self._codes.get(entry.id, ({}, {}))
        if known is not dictionary:
            codes = {column: {value: k for k, value in enumerate(values)} for column, values in dictionary.items()}
            self._codes[entry.id] = (dictionary, codes)
        return codes


class Catalogued(Database, Protocol):
    """A `Database` that remembers what its models are made of, such as a `PredictionLog`."""

    @property
    def catalogue(self) -> Catalogue: ...


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model as one transaction sees it; its columns and categories are looked up when they are asked for."""

    connection: sa.Connection
    entry: Entry
    _catalogue: Catalogue

    @property
    def layout(self) -> Layout:
        """The model's columns and the table of its log."""
        return self._catalogue.layout(self.connection, self.entry)

    @property
    def dictionary(self) -> dict[str, tuple[str, ...]]:
        """The categories of every coded column, each at the position that is its code."""
        return self._catalogue.dictionary(self.connection, self.entry)


@contextmanager
def reading_model(database: Catalogued, model: str) -> Iterator[OpenModel]:
    """Open a consistent, read-only view of a model.

    Raises
    ------
    UnknownModel
        If there is no such model.
    """
    with reading(database.engine) as connection:
        yield OpenModel(connection, read_entry(connection, model), database.catalogue)


def add_categories(connection: sa.Connection, entry: Entry, column: str, n_known: int, values: Sequence[str]) -> int:
    """Give new values the next codes, as far as the column may grow; return how many got one."""
    fitting = values[: MAX_CATEGORIES - n_known]
    if fitting:
        connection.execute(
            sa.insert(schema.category),
            [
                {"model_id": entry.id, "column_name": column, "code": n_known + k, "value": value}
                for k, value in enumerate(fitting)
            ],
        )
    return len(fitting)

"""Which models there are, what columns each has, and what its category codes mean."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from drift.data.windows import Column, Kind, Role
from storage.checking.spelling import Reading, check_readings, shared_readings
from storage.database import schema
from storage.database.driver import Prepared
from storage.database.engine import CREATING_A_MODEL, wait_for_turn
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

    def names(self, connection: sa.Connection) -> tuple[str, ...]:
        """Return every model's name, in the order of registration."""
        return tuple(connection.execute(sa.select(schema.model.c.name).order_by(schema.model.c.id)).scalars())

    def entry(self, connection: sa.Connection, model: str, *, lock: bool = False) -> Entry:
        """Return a model's row; with `lock`, other writers of the model wait for this transaction.

        Raises
        ------
        UnknownModel
            If there is no such model.
        """
        found = self.find(connection, model, lock=lock)
        if found is None:
            known = ", ".join(self.names(connection)) or "none is registered yet"
            raise UnknownModel(f"model must be a registered one ({known}); got {model!r}.")
        return found

    def find(self, connection: sa.Connection, model: str, *, lock: bool = False) -> Entry | None:
        """Return a model's row as `entry` does, None if there is no such model."""
        row = (_LOCK if lock else _READ).run(connection, model).fetchone()
        return None if row is None else Entry(*row)

    def layout(self, connection: sa.Connection, entry: Entry) -> Layout:
        """Return a model's columns and the table of its log."""
        known = self._layouts.get(entry.id)
        if known is None or len(known.columns) != entry.n_columns:
            c = schema.model_column.c
            query = sa.select(c.name, c.kind, c.role, c.spelling, c.missing).where(c.model_id == entry.id)
            rows = connection.execute(query.order_by(c.position)).all()
            columns = tuple(Column(*row[:3]) for row in rows)
            readings = {name: Reading(spelling, frozenset(missing)) for name, _, _, spelling, missing in rows}
            table = schema.prediction_table(entry.name, columns)
            known = self._layouts[entry.id] = Layout(columns, table, readings)
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
        """Return the categories of every coded column, each at the position that is its code."""
        n, known = self._dictionaries.get(entry.id, (-1, {}))
        if n != entry.n_categories:
            c = schema.category.c
            rows = connection.execute(
                sa.select(c.column_name, c.value).where(c.model_id == entry.id).order_by(c.column_name, c.code)
            )
            grouped: dict[str, list[str]] = {}
            for column, value in rows:
                grouped.setdefault(column, []).append(value)
            known = {column: tuple(values) for column, values in grouped.items()}
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


def register(
    connection: sa.Connection,
    catalogue: Catalogue,
    model: str,
    columns: Sequence[Column],
    readings: Mapping[str, Reading] | None = None,
) -> None:
    """Create a model and the table of its log, or add columns that it did not have.

    Parameters
    ----------
    readings : how the cells of new columns are read; a label without is read as the prediction is, and the reverse

    Raises
    ------
    ValueError
        If a name or kind is not allowed, or an existing column would change its kind, its role or how it is read.
    """
    check_columns(columns)
    given = dict(readings or {})
    entry = catalogue.find(connection, model, lock=True)
    if entry is None:
        # There is no row yet to hold, and no name that is free now must be taken meanwhile.
        wait_for_turn(connection, CREATING_A_MODEL)
        entry = catalogue.find(connection, model, lock=True)
    if entry is None:
        check_new_model(model, catalogue.names(connection))
        _create(connection, model, columns, shared_readings(columns, given))
        return
    layout = catalogue.layout(connection, entry)
    check_readings(layout.readings, given, model)
    existing = {c.name.casefold(): c for c in layout.columns}
    for column in columns:
        old = existing.get(column.name.casefold(), column)
        if old != column:
            raise ValueError(
                f"{column.name} must stay {old.kind} {old.role} {old.name!r} in model {model!r}; "
                f"got {column.kind} {column.role} {column.name!r}. Register it under another name."
            )
    new = [column for column in columns if column.name.casefold() not in existing]
    if new:
        _add_columns(connection, entry, new, shared_readings([*layout.columns, *new], given | dict(layout.readings)))


def check_new_model(model: str, known: Sequence[str]) -> None:
    """Refuse a name that a new model must not have.

    Raises
    ------
    ValueError
        If the name is not allowed, or is a known one in other letters, upper for lower case.
    """
    if not schema.MODEL_PATTERN.fullmatch(model):
        raise ValueError(
            "model must start with a letter and hold at most 48 letters, digits, dots, dashes or underscores; "
            f"got {model!r}."
        )
    if other := next((name for name in known if name.casefold() == model.casefold()), None):
        raise ValueError(f"model must differ from {other!r} by more than upper and lower case; got {model!r}.")


def check_columns(columns: Sequence[Column]) -> None:
    """Refuse columns that a model cannot have.

    Raises
    ------
    ValueError
        If there are none, or a name, kind or role is not allowed or taken.
    """
    seen = set()
    for column in columns:
        name = column.name
        if column.kind not in get_args(Kind) or column.role not in get_args(Role):
            raise ValueError(f"{name} must have a kind of {get_args(Kind)} and a role of {get_args(Role)}.")
        check_name(name)
        if column.role != "feature" and name != column.role:
            raise ValueError(f"the column of role {column.role} must be named {column.role}; got {name!r}.")
        if column.role == "feature" and name.casefold() in schema.RESERVED:
            raise ValueError(f"a feature must not be named {name!r}: the log uses that name itself.")
        if name.casefold() in seen:
            raise ValueError(f"columns must differ by more than upper and lower case; got {name!r} twice.")
        seen.add(name.casefold())
    if not columns:
        raise ValueError("columns must hold at least one column; got none.")


def check_name(name: str) -> None:
    """Refuse a column name that could not be shown safely everywhere."""
    if not re.fullmatch(schema.NAME_PATTERN, name):
        raise ValueError(
            "a column must be named by a letter and at most 63 more letters, digits, spaces, dots, dashes or "
            f"underscores; got {name!r}."
        )


def _create(connection: sa.Connection, model: str, columns: Sequence[Column], readings: Mapping[str, Reading]) -> None:
    model_id = connection.execute(
        sa.insert(schema.model).values(name=model, created_at=datetime.now(UTC), n_columns=len(columns))
    ).inserted_primary_key[0]  # type: ignore[index]
    _insert_columns(connection, model_id, 0, columns, readings)
    table = schema.prediction_table(model, columns)
    connection.execute(CreateTable(table))
    for index in sorted(table.indexes, key=lambda index: index.name or ""):
        connection.execute(CreateIndex(index))


def _add_columns(
    connection: sa.Connection, entry: Entry, columns: Sequence[Column], readings: Mapping[str, Reading]
) -> None:
    quote = connection.dialect.identifier_preparer.quote
    described = schema.prediction_table(entry.name, columns)
    for column in columns:
        type_ = described.c[column.name].type.compile(connection.dialect)
        connection.exec_driver_sql(
            f"ALTER TABLE {quote(described.name)} ADD COLUMN {quote(column.name)} {type_}".replace("%", "%%")
        )
    _insert_columns(connection, entry.id, entry.n_columns, columns, readings)
    c = schema.model.c
    connection.execute(
        sa.update(schema.model)
        .where(c.id == entry.id)
        .values(n_columns=c.n_columns + len(columns), revision=c.revision + 1)
    )


def _insert_columns(
    connection: sa.Connection, model_id: int, first: int, columns: Sequence[Column], readings: Mapping[str, Reading]
) -> None:
    rows = []
    for position, c in enumerate(columns, start=first):
        spelling, missing = readings[c.name].spelling, sorted(readings[c.name].missing)
        read = {"spelling": spelling, "missing": missing}
        rows.append({"model_id": model_id, "position": position, "name": c.name, "kind": c.kind, "role": c.role} | read)
    connection.execute(sa.insert(schema.model_column), rows)

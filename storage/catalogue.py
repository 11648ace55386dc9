"""Which models there are, what columns each has, and what its category codes mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from drift.windows import Column, Kind, Role
from storage import schema
from storage.rows import CODED

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


@dataclass(frozen=True)
class Layout:
    """The table of a model's log and the columns that are monitored."""

    columns: tuple[Column, ...]
    table: sa.Table

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the columns that hold category codes."""
        return (*(c.name for c in self.columns if c.kind == "categorical"), *CODED)


class Catalogue:
    """Reads models through a cache that a changed count in the model's row makes stale."""

    def __init__(self) -> None:
        self._layouts: dict[int, Layout] = {}
        self._dictionaries: dict[int, tuple[int, dict[str, tuple[str, ...]]]] = {}

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
        c = schema.model.c
        query = sa.select(c.id, c.name, c.revision, c.n_rows, c.n_columns, c.n_categories).where(c.name == model)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            known = ", ".join(self.names(connection)) or "none is registered yet"
            raise UnknownModel(f"model must be a registered one ({known}); got {model!r}.")
        return Entry(*row)

    def layout(self, connection: sa.Connection, entry: Entry) -> Layout:
        """Return a model's columns and the table of its log."""
        known = self._layouts.get(entry.id)
        if known is None or len(known.columns) != entry.n_columns:
            c = schema.model_column.c
            rows = connection.execute(
                sa.select(c.name, c.kind, c.role).where(c.model_id == entry.id).order_by(c.position)
            )
            columns = tuple(Column(*row) for row in rows)
            known = self._layouts[entry.id] = Layout(columns, schema.prediction_table(entry.name, columns))
        return known

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


def register(connection: sa.Connection, catalogue: Catalogue, model: str, columns: Sequence[Column]) -> None:
    """Create a model and the table of its log, or add columns that it did not have.

    Raises
    ------
    ValueError
        If a name or kind is not allowed, or an existing column would change its kind or role.
    """
    _check_model(model)
    _check_columns(columns)
    try:
        entry = catalogue.entry(connection, model, lock=True)
    except UnknownModel:
        _create(connection, model, columns)
        return
    existing = {c.name.casefold(): c for c in catalogue.layout(connection, entry).columns}
    for column in columns:
        old = existing.get(column.name.casefold(), column)
        if old != column:
            raise ValueError(
                f"{column.name} must stay {old.kind} {old.role} {old.name!r} in model {model!r}; "
                f"got {column.kind} {column.role} {column.name!r}. Register it under another name."
            )
    new = [column for column in columns if column.name.casefold() not in existing]
    if new:
        _add_columns(connection, entry, new)


def _check_model(model: str) -> None:
    if not schema.MODEL_PATTERN.fullmatch(model):
        raise ValueError(
            "model must start with a letter and hold at most 48 letters, digits, dots, dashes or underscores; "
            f"got {model!r}."
        )


def _check_columns(columns: Sequence[Column]) -> None:
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


def _create(connection: sa.Connection, model: str, columns: Sequence[Column]) -> None:
    taken = connection.execute(
        sa.select(schema.model.c.name).where(sa.func.lower(schema.model.c.name) == model.lower())
    )
    if other := taken.scalar():
        raise ValueError(f"model must differ from {other!r} by more than upper and lower case; got {model!r}.")
    model_id = connection.execute(
        sa.insert(schema.model).values(name=model, created_at=datetime.now(UTC), n_columns=len(columns))
    ).inserted_primary_key[0]  # type: ignore[index]
    _insert_columns(connection, model_id, 0, columns)
    connection.execute(CreateTable(schema.prediction_table(model, columns)))


def _add_columns(connection: sa.Connection, entry: Entry, columns: Sequence[Column]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    described = schema.prediction_table(entry.name, columns)
    for column in columns:
        type_ = described.c[column.name].type.compile(connection.dialect)
        connection.exec_driver_sql(
            f"ALTER TABLE {quote(described.name)} ADD COLUMN {quote(column.name)} {type_}".replace("%", "%%")
        )
    _insert_columns(connection, entry.id, entry.n_columns, columns)
    c = schema.model.c
    connection.execute(
        sa.update(schema.model)
        .where(c.id == entry.id)
        .values(n_columns=c.n_columns + len(columns), revision=c.revision + 1)
    )


def _insert_columns(connection: sa.Connection, model_id: int, first: int, columns: Sequence[Column]) -> None:
    connection.execute(
        sa.insert(schema.model_column),
        [
            {"model_id": model_id, "position": first + k, "name": c.name, "kind": c.kind, "role": c.role}
            for k, c in enumerate(columns)
        ],
    )

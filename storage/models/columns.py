"""What columns a model may have, and how a model and its columns are registered."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from drift.data.windows import Column, Kind, Role
from storage.checking.spelling import Reading, check_readings, shared_readings
from storage.database import schema
from storage.database.engine import CREATING_A_MODEL, wait_for_turn
from storage.models.catalogue import Entry, find_entry, read_layout, read_names


def register_columns(
    connection: sa.Connection,
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
    entry = find_entry(connection, model, lock=True)
    if entry is None:
        # There is no row yet to hold, and no name that is free now must be taken meanwhile.
        wait_for_turn(connection, CREATING_A_MODEL)
        entry = find_entry(connection, model, lock=True)
    if entry is None:
        check_new_model(model, read_names(connection))
        _create(connection, model, columns, shared_readings(columns, given))
        return
    layout = read_layout(connection, entry)
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
    ).inserted_primary_key[0]  # type: ignore[index]  # None for many rows only; this is one
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

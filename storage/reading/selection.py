"""What a window of the log holds: as samples for the statistics, or as rows for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent
from storage.database import ids
from storage.database.schema import instant_from, microseconds
from storage.models.layout import Layout

Dictionary = Mapping[str, tuple[str, ...]]


def window_query(table: sa.Table, window: Window, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select columns of the rows of a window, in no particular order."""
    if isinstance(window, TimeSpan):
        start, end = microseconds(window.start), microseconds(window.end)
        at = table.c.predicted_at
        # The ids make it a range of the primary key; the instants cut the two outermost milliseconds.
        return sa.select(*columns).where(
            table.c.id >= ids.first_id(start), table.c.id < ids.first_id(end + 1000), at >= start, at < end
        )
    if isinstance(window, LastRows):
        keys = sa.select(table.c.id).order_by(table.c.id.desc()).limit(window.n)
    else:
        keys = sa.select(table.c.id).order_by(table.c.id).limit(window.last - window.first).offset(window.first)
    if columns == (table.c.id,):
        return keys
    return sa.select(*columns).where(table.c.id.in_(keys))


def read_extent(connection: sa.Connection, table: sa.Table, window: Window) -> WindowExtent:
    """Count the rows of a window and return the half-open time that they span."""
    at = table.c.predicted_at
    within = window_query(table, window, at).subquery()
    n, first, last = connection.execute(
        sa.select(sa.func.count(), sa.func.min(within.c.predicted_at), sa.func.max(within.c.predicted_at))
    ).one()
    if isinstance(window, TimeSpan):
        return WindowExtent(n, window.start, window.end)
    return WindowExtent(n, None, None) if n == 0 else WindowExtent(n, instant_from(first), instant_from(last + 1))


def read_samples(
    connection: sa.Connection, layout: Layout, dictionary: Dictionary, window: Window, columns: Sequence[Column]
) -> dict[str, Sample]:
    """Return the values of a window, one sample per column, all in time order.

    Returns
    -------
    dict of samples by column name, in the order of `columns`
        Each of shape (n,): float64 with NaN for missing, or int32 codes with -1 and the names of the codes.
    """
    table = layout.table
    query = window_query(table, window, *(table.c[column.name] for column in columns)).order_by(table.c.id)
    rows = connection.execute(query).all() if columns else []
    by_column: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    return {
        column.name: sample_from(column, values, dictionary.get(column.name, ()))
        for column, values in zip(columns, by_column, strict=True)
    }


def sample_from(column: Column, values: Sequence[Any] | np.ndarray, categories: tuple[str, ...]) -> Sample:
    """Return stored values, None where missing, as a sample.

    Parameters
    ----------
    values : numbers or codes, shape (n,), None where missing
    categories : names of the codes

    Returns
    -------
    sample of shape (n,)
        float64 with NaN for missing, or int32 codes with -1.
    """
    if column.kind == "numeric":
        return NumericSample(np.array(values, np.float64))
    codes = np.array([-1 if code is None else code for code in values], np.int32)
    return CategoricalSample(codes, categories)


def read_rows(
    connection: sa.Connection,
    layout: Layout,
    dictionary: Dictionary,
    window: Window,
    *,
    limit: int | None,
    offset: int,
    labelled_only: bool,
) -> pd.DataFrame:
    """Return rows of a window in time order, categories as text, times in UTC.

    Returns
    -------
    DataFrame, shape (n, columns of the log)
        The log's columns but the id, those of the model among them: instants in UTC (NaT where unknown), categories as
        text (None where missing), numbers as float64 (NaN where missing).
    """
    table = layout.table
    query = window_query(table, window, *table.columns).order_by(table.c.id)
    if labelled_only:
        query = query.where(table.c.labelled_at.is_not(None))
    if limit is not None or offset:
        query = query.limit(limit if limit is not None else 2**62).offset(offset)
    rows = connection.execute(query).all()
    by_column = dict(zip(table.columns.keys(), zip(*rows, strict=True), strict=True)) if rows else {}
    return frame_from(layout, dictionary, {name: by_column.get(name, ()) for name in table.columns.keys()})  # noqa: SIM118  iterating SQLAlchemy's collection itself gives columns, not names


def frame_from(layout: Layout, dictionary: Dictionary, stored: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Turn stored columns into what people read.

    Parameters
    ----------
    stored : n values of each column as the log keeps them, None where missing

    Returns
    -------
    DataFrame, shape (n, columns of the log)
        The log's columns but the id, those of the model among them: instants in UTC (NaT where unknown), categories as
        text (None where missing), numbers as float64 (NaN where missing).
    """
    decoded: dict[str, Any] = {}
    kinds = {column.name: column.kind for column in layout.columns}
    for name, values in stored.items():
        if name == "id":
            continue
        if name in ("predicted_at", "labelled_at"):
            decoded[name] = pd.to_datetime(pd.Series(values, dtype="Int64"), unit="us", utc=True)
        elif name in layout.coded:
            categories = dictionary.get(name, ())
            decoded[name] = pd.Series([None if v is None else categories[v] for v in values], dtype=object)
        elif kinds.get(name) == "numeric":
            decoded[name] = np.array(values, np.float64)
        else:
            decoded[name] = pd.Series(list(values), dtype=object)
    return pd.DataFrame(decoded)


def describe(window: Window) -> str:
    """Say a window in words, for an error message."""
    if isinstance(window, LastRows):
        return f"the last {window.n:,} rows"
    if isinstance(window, RowSpan):
        return f"rows {window.first:,} to {window.last:,}"
    return f"{window.start:%Y-%m-%d %H:%M:%S %Z} to {window.end:%Y-%m-%d %H:%M:%S %Z}"

"""Frozen samples to compare with: they stay as they are whatever happens to the log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent
from storage.database import schema
from storage.models.catalogue import Entry
from storage.models.layout import Layout
from storage.reading.selection import Dictionary, describe, read_extent, read_samples
from storage.segments.grids import edges_of


@dataclass(frozen=True)
class Reference:
    """A frozen sample of a model's log and the half-open time that it spans."""

    id: int
    name: str
    n: int
    start: datetime
    end: datetime
    frozen_at: datetime


def window_of(start: datetime | None, end: datetime | None, rows: int | None, newest: int | None) -> Window:
    """Return the rows that a reference is to hold: those of a span of time, or the first or the last so many.

    Raises
    ------
    ValueError
        If not exactly one of the three is given.
    """
    spans = start is not None and end is not None
    if spans + (rows is not None) + (newest is not None) != 1 or (start is None) != (end is None):
        raise ValueError(
            "a reference must be given by start and end, or by rows, or by the newest rows; "
            f"got {start}, {end}, {rows} and {newest}."
        )
    if start is not None and end is not None:
        return TimeSpan(start, end)
    return LastRows(newest) if newest is not None else RowSpan(0, rows or 0)


def freeze(
    connection: sa.Connection, entry: Entry, layout: Layout, dictionary: Dictionary, name: str, window: Window
) -> Reference:
    """Copy the rows of a window into a reference.

    Raises
    ------
    ValueError
        If the name is taken or not allowed, or the window is empty.
    """
    extent = read_extent(connection, layout.table, window)
    if extent.n == 0:
        raise ValueError(f"a reference must hold rows; got none in {describe(window)} of model {entry.name!r}.")
    # One column at a time: a reference may be large.
    samples = (
        (column, read_samples(connection, layout, dictionary, window, [column])[column.name])
        for column in layout.columns
    )
    return freeze_samples(connection, entry, name, extent, samples)


def freeze_samples(
    connection: sa.Connection, entry: Entry, name: str, extent: WindowExtent, samples: Iterable[tuple[Column, Sample]]
) -> Reference:
    """Keep samples as a reference.

    Parameters
    ----------
    extent : how many rows each sample holds, and the time they stand for: what follows it is compared with them
    samples : each column with its sample of shape (extent.n,), in time order

    Returns
    -------
    Reference
        What is stored: it is found by its name from now on.

    Raises
    ------
    ValueError
        If the name is taken or not allowed, or there are no rows.
    """
    if not schema.NAME_PATTERN.fullmatch(name) or name == "previous":
        raise ValueError(
            "a reference must be named by a letter and more letters, digits or spaces, and not 'previous'; "
            f"got {name!r}."
        )
    if any(existing.name == name for existing in read_references(connection, entry)):
        raise ValueError(f"a reference must have a new name; {name!r} exists already for model {entry.name!r}.")
    if extent.start is None or extent.end is None or extent.n == 0:
        raise ValueError(f"a reference must hold rows; got none for {name!r} of model {entry.name!r}.")
    frozen_at = datetime.now(UTC)
    reference_id = connection.execute(
        sa.insert(schema.reference).values(
            model_id=entry.id,
            name=name,
            n=extent.n,
            start_at=extent.start,
            end_at=extent.end,
            frozen_at=frozen_at,
        )
    ).inserted_primary_key[0]  # type: ignore[index]  # None for many rows only; this is one
    for column, sample in samples:
        values = sample.values if isinstance(sample, NumericSample) else sample.codes
        connection.execute(
            sa.insert(schema.reference_values).values(
                reference_id=reference_id,
                column_name=column.name,
                dtype="<f8" if column.kind == "numeric" else "<i4",
                data=values.astype("<f8" if column.kind == "numeric" else "<i4").tobytes(),
                edges=edges_of(values).tobytes() if column.kind == "numeric" else None,
            )
        )
    return Reference(reference_id, name, extent.n, extent.start, extent.end, frozen_at)


_C = schema.reference.c
# Asked several times for every page: written once.
_OF_MODEL = (
    sa.select(_C.id, _C.name, _C.n, _C.start_at, _C.end_at, _C.frozen_at)
    .where(_C.model_id == sa.bindparam("model_id"))
    .order_by(_C.id)
)


def read_references(connection: sa.Connection, entry: Entry) -> tuple[Reference, ...]:
    """Return a model's references, the oldest first."""
    return tuple(Reference(*row) for row in connection.execute(_OF_MODEL, {"model_id": entry.id}))


def find(connection: sa.Connection, entry: Entry, name: str) -> Reference:
    """Return one reference by name.

    Raises
    ------
    ValueError
        If the model has none of that name.
    """
    known = read_references(connection, entry)
    for reference in known:
        if reference.name == name:
            return reference
    names = ", ".join(reference.name for reference in known) or "none is frozen yet"
    raise ValueError(f"reference must be one that model {entry.name!r} has ({names}); got {name!r}.")


def read_reference_samples(
    connection: sa.Connection, reference: Reference, dictionary: Dictionary, columns: Sequence[Column]
) -> dict[str, Sample]:
    """Return a reference's values, one sample per column, in time order.

    A column that was registered after the reference was frozen is missing throughout.

    Returns
    -------
    dict of samples by column name, in the order of `columns`
        Each of shape (reference.n,): float64 with NaN for missing, or int32 codes with -1 and the names of the codes.
    """
    c = schema.reference_values.c
    query = sa.select(c.column_name, c.dtype, c.data).where(
        c.reference_id == reference.id, c.column_name.in_([column.name for column in columns])
    )
    stored = {row.column_name: np.frombuffer(row.data, row.dtype) for row in connection.execute(query)}
    samples: dict[str, Sample] = {}
    for column in columns:
        if column.kind == "numeric":
            values = stored.get(column.name, np.full(reference.n, np.nan))
            samples[column.name] = NumericSample(values)
        else:
            codes = stored.get(column.name, np.full(reference.n, -1, np.int32))
            samples[column.name] = CategoricalSample(codes, dictionary.get(column.name, ()))
    return samples

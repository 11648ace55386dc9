"""The rows whose true label is known: what a model can be trained and judged on."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from drift.data.samples import CategoricalSample
from drift.data.windows import Window
from drift.monitor.source import Outcomes, Place
from storage.checking.cells import category_text
from storage.database import ids
from storage.database.schema import instant_from, microseconds, model
from storage.models.catalogue import Catalogued, Entry, reading_model
from storage.models.layout import Layout
from storage.reading.selection import Dictionary, frame_from, window_query
from storage.references.frozen import Reference


def read_labelled(database: Catalogued, model: str, n: int) -> pd.DataFrame:
    """Return the newest `n` labelled rows in time order, categories as text, times in UTC.

    Returns
    -------
    DataFrame, shape (at most n, columns of the log)
        The log's columns but the id, those of the model among them: instants in UTC (NaT where unknown), categories as
        text (None where missing), numbers as float64 (NaN where missing).
    """
    with reading_model(database, model) as opened:
        layout, dictionary = opened.layout, opened.dictionary
        newest = sa.select(layout.table).where(_labelled(layout)).order_by(layout.table.c.id.desc()).limit(n)
        rows = opened.connection.execute(newest).all()[::-1]
    names = layout.table.columns.keys()
    by_column = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    return frame_from(layout, dictionary, {name: by_column.get(name, ()) for name in names})


def count_labels(
    database: Catalogued, model: str, since: datetime | None = None, newest: int | None = None
) -> dict[str, int]:
    """Count the labelled rows of each true class, the most frequent first.

    Parameters
    ----------
    since : only of predictions made at this instant or later
    newest : only the newest so many labelled rows; without, the whole log is read
    """
    with reading_model(database, model) as opened:
        layout = opened.layout
        is_coded, values = "label" in layout.coded, opened.dictionary.get("label", ())
        if is_coded and not values:  # no label has ever come: what a long log would be searched for
            return {}
        query = sa.select(layout.table.c.label).where(_labelled(layout))
        if since is not None:
            start = microseconds(since)
            query = query.where(layout.table.c.id >= ids.first_id(start), layout.table.c.predicted_at >= start)
        if newest is not None:
            query = query.order_by(layout.table.c.id.desc()).limit(newest)
        label, n = query.subquery().c.label, sa.func.count()
        found = opened.connection.execute(sa.select(label, n).group_by(label).order_by(n.desc(), label)).all()
    return {values[value] if is_coded else str(category_text(value)): int(count) for value, count in found}


def read_labelled_share(database: Catalogued, model: str, newest: int) -> float | None:
    """Return the share of a model's newest rows whose true label is known; None without labels, or without rows."""
    with reading_model(database, model) as opened:
        layout = opened.layout
        if "label" not in layout.table.c:
            return None
        rows = sa.select(_labelled(layout).label("known")).order_by(layout.table.c.id.desc()).limit(newest).subquery()
        known = sa.func.sum(sa.case((rows.c.known, 1), else_=0))
        n, n_known = opened.connection.execute(sa.select(sa.func.count(), known).select_from(rows)).one()
    return int(n_known) / n if n else None


def read_outcomes(
    connection: sa.Connection,
    entry: Entry,
    layout: Layout,
    dictionary: Dictionary,
    reference: Reference,
    after: Place | None,
    n: int,
) -> Outcomes:
    """Return up to n predictions with their labels, in the order in which the labels came, after a place in it.

    Labels that came later than their prediction are found by an index; those that came with it lie in the order of
    the primary key, up to the model's `last_known_id`. Each half is read as far as the other could reach.

    Returns
    -------
    Outcomes
        At most n rows: ids and instants as int64, prediction and label as codes; none is missing.
    """
    table = layout.table
    columns = (table.c.labelled_at, table.c.id, table.c.prediction, table.c.label)
    known, end = _outcome_known(table, reference), microseconds(reference.end)
    late = sa.select(*columns).where(known, table.c.labelled_at != table.c.predicted_at)
    at_once = sa.select(*columns).where(
        known, table.c.labelled_at == table.c.predicted_at, table.c.id >= ids.first_id(end)
    )
    if after is not None:
        at, row_id = after
        late = late.where(table.c.labelled_at >= at)
        at_once = at_once.where(table.c.id >= ids.first_id(at))
        beyond = sa.or_(table.c.labelled_at > at, table.c.id > row_id)
        late, at_once = late.where(beyond), at_once.where(table.c.labelled_at >= at, beyond)
    rows = [*connection.execute(late.order_by(table.c.labelled_at, table.c.id).limit(n))]
    last_known_id = connection.execute(sa.select(model.c.last_known_id).where(model.c.id == entry.id)).scalar()
    if last_known_id is not None:
        rows += _whole_milliseconds(connection, at_once.where(table.c.id <= last_known_id), table, n)
    found = np.array(sorted(tuple(row) for row in rows)[:n], np.int64).reshape(-1, 4)
    prediction, label = (
        CategoricalSample(found[:, k].astype(np.int32), dictionary.get(name, ()))
        for k, name in ((2, "prediction"), (3, "label"))
    )
    return Outcomes(found[:, 1].copy(), found[:, 0].copy(), prediction, label)


def _whole_milliseconds(connection: sa.Connection, query: sa.Select[Any], table: sa.Table, n: int) -> list[sa.Row[Any]]:
    """Return at least n rows by id, and all of the last millisecond: within one, ids are not in the order of time."""
    rows = list(connection.execute(query.order_by(table.c.id).limit(n)))
    if len(rows) == n and n:
        last = rows[-1].id
        end = ((last >> ids.SEQUENCE_BITS) + 1) << ids.SEQUENCE_BITS
        rows += connection.execute(query.where(table.c.id > last, table.c.id < end).order_by(table.c.id))
    return rows


def read_outcome_before(
    connection: sa.Connection, layout: Layout, reference: Reference, place: Place, n: int
) -> datetime:
    """Return when the label came that lies n labels before a place in label order, the first one at most."""
    table = layout.table
    at, row_id = place
    within = sa.and_(
        _outcome_known(table, reference),
        sa.or_(table.c.labelled_at < at, sa.and_(table.c.labelled_at == at, table.c.id <= row_id)),
    )
    query = sa.select(table.c.labelled_at).where(within).limit(n + 1)
    late = query.where(table.c.labelled_at != table.c.predicted_at).order_by(table.c.labelled_at.desc())
    at_once = query.where(table.c.labelled_at == table.c.predicted_at, table.c.id < ids.first_id(at + 1000)).order_by(
        table.c.id.desc()
    )
    instants = [*connection.execute(late).scalars(), *connection.execute(at_once).scalars()]
    instants.sort(reverse=True)
    return instant_from(instants[min(n, len(instants) - 1)] if instants else at)


def read_delays(connection: sa.Connection, layout: Layout, window: Window, limit: int) -> np.ndarray:
    """Return how many seconds labels took to come, for the newest `limit` labelled rows of a window.

    Returns
    -------
    float64 array, shape (at most limit,)
        Seconds from the prediction to its label, the newest row first.
    """
    table = layout.table
    query = window_query(table, window, table.c.labelled_at, table.c.predicted_at)
    query = query.where(table.c.labelled_at.is_not(None)).order_by(table.c.id.desc()).limit(limit)
    rows = connection.execute(query).all()
    labelled_at, predicted_at = zip(*rows, strict=True) if rows else ((), ())
    return (np.array(labelled_at, np.float64) - np.array(predicted_at, np.float64)) / 1e6


def _outcome_known(table: sa.Table, reference: Reference) -> sa.ColumnElement[bool]:
    # No bound on the id: it would tempt a planner away from the index of late labels.
    after = table.c.predicted_at >= microseconds(reference.end)
    return sa.and_(after, table.c.label.is_not(None), table.c.prediction.is_not(None))


def _labelled(layout: Layout) -> sa.ColumnElement[bool]:
    return sa.and_(layout.table.c.labelled_at.is_not(None), layout.table.c.label.is_not(None))

"""The rows whose true label is known: what a model can be trained and judged on."""

from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from storage import ids
from storage.audit import Database
from storage.catalogue import Catalogue, Layout
from storage.engine import reading
from storage.rows import category_text
from storage.schema import microseconds
from storage.selecting import frame_from


def read_labelled(source: Database, model: str, n: int) -> pd.DataFrame:
    """Return the newest `n` labelled rows in time order, categories as text, times in UTC."""
    with reading(source.engine) as connection:
        catalogue = Catalogue()
        entry = catalogue.entry(connection, model)
        layout = catalogue.layout(connection, entry)
        dictionary = catalogue.dictionary(connection, entry)
        newest = sa.select(layout.table).where(_labelled(layout)).order_by(layout.table.c.id.desc()).limit(n)
        rows = connection.execute(newest).all()[::-1]
    names = layout.table.columns.keys()
    by_column = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    return frame_from(layout, dictionary, {name: by_column.get(name, ()) for name in names})


def count_labels(source: Database, model: str, since: datetime | None = None) -> dict[str, int]:
    """Count the rows of each true class whose prediction was made at an instant or later; the most frequent first."""
    with reading(source.engine) as connection:
        catalogue = Catalogue()
        entry = catalogue.entry(connection, model)
        layout = catalogue.layout(connection, entry)
        label = layout.table.c.label
        query = sa.select(label, sa.func.count()).where(_labelled(layout)).group_by(label)
        if since is not None:
            start = microseconds(since)
            query = query.where(layout.table.c.id >= ids.first_id(start), layout.table.c.predicted_at >= start)
        found = connection.execute(query.order_by(sa.func.count().desc(), label)).all()
        values = catalogue.dictionary(connection, entry).get("label", ())
    is_coded = "label" in layout.coded
    return {values[value] if is_coded else str(category_text(value)): int(n) for value, n in found}


def _labelled(layout: Layout) -> sa.ColumnElement[bool]:
    return sa.and_(layout.table.c.labelled_at.is_not(None), layout.table.c.label.is_not(None))

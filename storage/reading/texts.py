"""The texts that rows were logged with."""

import sqlalchemy as sa

from drift.data.windows import Window
from storage.models.layout import Layout
from storage.reading.selection import window_query


def read_texts(connection: sa.Connection, layout: Layout, window: Window, limit: int) -> list[str]:
    """Return the texts of a window's newest `limit` rows that have one, in time order."""
    table = layout.table
    query = window_query(table, window, table.c.text).where(table.c.text.is_not(None))
    newest = connection.execute(query.order_by(table.c.id.desc()).limit(limit)).scalars().all()
    return list(newest)[::-1]

"""How many cells could not be read: counted by column and day where they are stored as missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from storage.checking.rows import Batch, UnreadableCells
from storage.database.engine import Database, reading
from storage.database.schema import unreadable_cell
from storage.models.catalogue import Entry, read_entry

_DAY = 86_400_000_000
_c = unreadable_cell.c


@dataclass(frozen=True)
class UnreadableTotal:
    """The unreadable cells of a column over the days that the log holds, and the most frequent reason."""

    column: str
    n: int
    reason: str


def note_unreadable(connection: sa.Connection, entry: Entry, batch: Batch, found: Sequence[UnreadableCells]) -> None:
    """Count cells in the transaction that stores their rows, which holds the model's row."""
    if not found:
        return
    days = {position: at // _DAY for position, at in zip(batch.positions, batch.predicted_at, strict=True)}
    counts = Counter(
        (cells.column, days[row], _without_value(error))
        for cells in found
        for row, error in zip(cells.rows, cells.errors, strict=True)
    )
    for (column, day, reason), n in sorted(counts.items()):
        place = {"model_id": entry.id, "column_name": column, "day": day, "reason": reason}
        this = [unreadable_cell.c[name] == value for name, value in place.items()]
        if connection.execute(sa.update(unreadable_cell).where(*this).values(n=_c.n + n)).rowcount == 0:
            connection.execute(sa.insert(unreadable_cell).values(**place, n=n))


def _without_value(error: str) -> str:
    return error.partition("; got")[0][:200]


def read_unreadable(database: Database, model: str) -> tuple[UnreadableTotal, ...]:
    """Return the columns of a model with unreadable cells, those with most of them first.

    Raises
    ------
    UnknownModel
        If the model is not registered.
    """
    n = sa.func.sum(_c.n)
    with reading(database.engine) as connection:
        entry = read_entry(connection, model)
        query = sa.select(_c.column_name, _c.reason, n.label("n")).where(_c.model_id == entry.id)
        rows = connection.execute(query.group_by(_c.column_name, _c.reason).order_by(n.desc(), _c.reason)).all()
    totals = Counter[str]()
    reasons: dict[str, str] = {}
    for column, reason, count in rows:
        totals[column] += int(count)
        reasons.setdefault(column, reason)
    return tuple(UnreadableTotal(column, count, reasons[column]) for column, count in totals.most_common())


def drop_before(connection: sa.Connection, entry: Entry, before: int) -> None:
    """Forget the days that lie before an instant, given in microseconds since 1970, as retention does of their rows."""
    connection.execute(sa.delete(unreadable_cell).where(_c.model_id == entry.id, _c.day < before // _DAY))

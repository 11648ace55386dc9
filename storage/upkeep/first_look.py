"""The first look at many new rows, taken in advance: evidence on millions of them takes minutes, a page has seconds."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa

from drift.data.windows import Column
from drift.life.ledger import Rows, Stream
from drift.monitor.labels import follow_labels, known_reference, outcome_columns
from drift.monitor.references import prepare
from drift.monitor.source import monitored
from drift.monitor.watch import watch
from storage.log import PredictionLog
from storage.models.catalogue import read_entry

Progress = Callable[[int, int | None], None]
# What its progress counts.
LOOKED_AT = "rows looked at for drift"


def look_ahead(log: PredictionLog, model: str, progress: Progress) -> int:
    """Seal, count and watch what a model's boards would otherwise do first; return how many rows were taken in.

    Only the reference is watched that boards compare with unless they are told another.
    """
    log.catch_up(model)
    _plan_anew(log, model)
    reference = log.default_reference(model)
    if reference is None:
        return 0
    columns = monitored(log, model)
    ready = prepare(log, model, reference.name, columns)
    n_all = log.n_rows(model) + log.n_retired(model) - reference.n
    told = _ToldStream(log.stream(model, reference.name), progress, n_all)
    watch(log, model, ready, columns, stream=told)
    labelled = outcome_columns(log, model)
    known = known_reference(log, model, reference.name, labelled) if labelled else None
    if known is not None:
        follow_labels(log, model, known)
    return told.n_read


def _plan_anew(log: PredictionLog, model: str) -> None:
    """Let PostgreSQL look at its new rows before it is asked for them; by itself it does so a minute later."""
    if log.engine.dialect.name == "postgresql":
        with log.engine.begin() as connection:
            table = log.catalogue.layout(connection, read_entry(connection, model)).table
            connection.execute(sa.text(f"ANALYZE {log.engine.dialect.identifier_preparer.format_table(table)}"))


class _ToldStream:
    """The rows after a reference, which tells how many of them have been read."""

    def __init__(self, stream: Stream, progress: Progress, n_all: int) -> None:
        self.n_read = 0
        self._stream, self._progress, self._n_all = stream, progress, n_all

    def n_after(self, row_id: int | None, at_most: int) -> int:
        return self._stream.n_after(row_id, at_most)

    def rows_after(self, row_id: int | None, n: int, columns: Sequence[Column]) -> Rows:
        rows = self._stream.rows_after(row_id, n, columns)
        # Streams that stand at different rows read some of them twice.
        self.n_read = min(self.n_read + len(rows.ids), self._n_all)
        self._progress(self.n_read, self._n_all)
        return rows

    def instant_before(self, row_id: int, n: int) -> datetime:
        return self._stream.instant_before(row_id, n)

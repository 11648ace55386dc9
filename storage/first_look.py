"""The first look at many new rows, taken in advance: evidence on millions of them takes minutes, a page has seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from drift.label_watching import follow_labels, known_reference, outcome_columns
from drift.ledger import Rows
from drift.prepared import prepare
from drift.source import monitored
from drift.watching import watch
from drift.windows import Column
from storage.catalogue import Catalogue
from storage.log import PredictionLog
from storage.watching import EvidenceLedger

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
    told = _ToldLog(log, progress, log.n_rows(model) + log.n_retired(model) - reference.n)
    watch(told, model, ready, columns)
    labelled = outcome_columns(log, model)
    known = known_reference(log, model, reference.name, labelled) if labelled else None
    if known is not None:
        follow_labels(log, model, known)
    return told.n_read


def _plan_anew(log: PredictionLog, model: str) -> None:
    """Let PostgreSQL look at its new rows before it is asked for them; by itself it does so a minute later."""
    if log.engine.dialect.name == "postgresql":
        with log.engine.begin() as connection:
            catalogue = Catalogue()
            table = catalogue.layout(connection, catalogue.entry(connection, model)).table
            connection.execute(sa.text(f"ANALYZE {log.engine.dialect.identifier_preparer.format_table(table)}"))


class _ToldLog(PredictionLog):
    """The same log, which tells how many rows have been read for evidence."""

    def __init__(self, log: PredictionLog, progress: Progress, n_all: int) -> None:
        super().__init__(log.engine)
        self.n_read = 0
        self._progress = progress
        self._n_all = n_all

    def ledger(self, model: str, reference: str) -> EvidenceLedger:
        return _ToldLedger(self._shelf, model, reference, self._tell)

    def _tell(self, n: int) -> None:
        # Streams that stand at different rows read some of them twice.
        self.n_read = min(self.n_read + n, self._n_all)
        self._progress(self.n_read, self._n_all)


@dataclass(frozen=True, eq=False)
class _ToldLedger(EvidenceLedger):
    tell: Callable[[int], None]

    def rows_after(self, row_id: int | None, n: int, columns: Sequence[Column]) -> Rows:
        rows = super().rows_after(row_id, n, columns)
        self.tell(len(rows.ids))
        return rows

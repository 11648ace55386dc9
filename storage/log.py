"""The prediction log: rows go in, windows come out."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from drift.samples import Sample
from drift.windows import Column, LastRows, RowSpan, TimeSpan, Window, WindowExtent
from storage import catalogue, references, runs, schema, selecting
from storage.catalogue import Catalogue, Entry
from storage.engine import DEFAULT_URL, open_engine, reading, writing
from storage.frames import batch_from_frame
from storage.inserting import insert_batch
from storage.labels import write_labels
from storage.migrate import migrate
from storage.references import Reference
from storage.rows import IngestReport, batch_from_records, instant


def open_log(url: str = DEFAULT_URL) -> "PredictionLog":
    """Open the log behind a database URL; an empty database gets its tables.

    Raises
    ------
    storage.engine.DatabaseFault
        If the database cannot be used; the message says why.

    Examples
    --------
    >>> log = open_log("sqlite://")
    >>> log.register("reviews", [Column("length", "numeric"), Column("prediction", "categorical", "prediction")])
    >>> log.append("reviews", [{"predicted_at": "2026-11-23T14:00:00+00:00", "length": 12, "prediction": "positive"}])
    IngestReport(accepted=1, rejected=())
    """
    engine = open_engine(url)
    try:
        migrate(engine)
    except Exception:
        engine.dispose()
        raise
    return PredictionLog(engine)


class PredictionLog:
    """Every model's predictions. One object serves any number of threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._catalogue = Catalogue()
        self._rng = np.random.default_rng()

    def register(self, model: str, columns: Sequence[Column]) -> None:
        """Create a model with its columns, or add columns to one.

        Raises
        ------
        ValueError
            If a name is not allowed, or a column would change its kind or role.
        """
        with writing(self.engine) as connection:
            catalogue.register(connection, self._catalogue, model, columns)

    def append(
        self,
        model: str,
        rows: pd.DataFrame | Sequence[Mapping[str, Any]],
        *,
        run: int | None = None,
        n_unreadable: int = 0,
    ) -> IngestReport:
        """Store predictions in one transaction; a bad row is reported and the others are kept.

        Parameters
        ----------
        model : a registered model's name
        rows : frame, or sequence of mappings
            `predicted_at` (with a zone) and any of the model's columns, `request_id`, `entity_id`,
            `version`, `variant`, `labelled_at` and `text`. What is absent is missing.
        run : an import run (storage.runs) whose progress moves in the same transaction
        n_unreadable : source rows of that run that could not even be handed in

        Raises
        ------
        UnknownModel
            If the model is not registered.
        ValueError
            If a frame has a column that the model does not have.
        """
        with reading(self.engine) as connection:
            columns = self._catalogue.layout(connection, self._catalogue.entry(connection, model)).columns
        batch = batch_from_frame(columns, rows) if isinstance(rows, pd.DataFrame) else batch_from_records(columns, rows)
        if not len(batch) and run is None:
            return IngestReport(0, tuple(batch.rejected))
        with writing(self.engine) as connection:
            entry = self._catalogue.entry(connection, model, lock=True)
            n, n_new, rejected = insert_batch(connection, self._catalogue, entry, batch, self._rng)
            _note(connection, entry, n_rows=n, n_categories=n_new)
            if run is not None:
                runs.advance(connection, run, len(rows) + n_unreadable, len(rows) + n_unreadable - n)
        return IngestReport(n, tuple(sorted([*batch.rejected, *rejected], key=lambda row: row.row)))

    def label(
        self,
        model: str,
        request_ids: Sequence[object],
        labels: Sequence[object],
        labelled_at: datetime | None = None,
    ) -> IngestReport:
        """Write true labels to the rows of these requests; unknown requests are reported.

        A label that is there already keeps the time it first came, so that sending twice changes nothing.
        """
        with writing(self.engine) as connection:
            entry = self._catalogue.entry(connection, model, lock=True)
            came = instant(labelled_at or datetime.now(UTC))
            n, n_new, rejected = write_labels(connection, self._catalogue, entry, request_ids, labels, came)
            _note(connection, entry, n_categories=n_new)
        return IngestReport(n, tuple(rejected))

    def freeze_reference(
        self,
        model: str,
        name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int | None = None,
    ) -> Reference:
        """Freeze the first `rows` rows of the log, or those with `start <= predicted_at < end`, as a reference.

        Raises
        ------
        ValueError
            If the name is taken, the window is empty, or not exactly one of the two is given.
        """
        if (rows is None) == (start is None or end is None):
            raise ValueError(f"a reference must be given by start and end, or by rows; got {start}, {end} and {rows}.")
        window: Window = RowSpan(0, rows) if rows is not None else TimeSpan(start, end)  # type: ignore[arg-type]
        with writing(self.engine) as connection:
            entry = self._catalogue.entry(connection, model, lock=True)
            layout = self._catalogue.layout(connection, entry)
            dictionary = self._catalogue.dictionary(connection, entry)
            frozen = references.freeze(connection, entry, layout, dictionary, name, window)
            _note(connection, entry)
        return frozen

    def models(self) -> tuple[str, ...]:
        """Return the registered models, the oldest first."""
        with reading(self.engine) as connection:
            return self._catalogue.names(connection)

    def columns(self, model: str) -> tuple[Column, ...]:
        """Return a model's registered columns."""
        with reading(self.engine) as connection:
            return self._catalogue.layout(connection, self._catalogue.entry(connection, model)).columns

    def references(self, model: str) -> tuple[Reference, ...]:
        """Return a model's references, the oldest first."""
        with reading(self.engine) as connection:
            return references.read_references(connection, self._catalogue.entry(connection, model))

    def revision(self, model: str) -> int:
        """Return a number that grows with every change of the model's rows, labels or references."""
        with reading(self.engine) as connection:
            return self._catalogue.entry(connection, model).revision

    def n_rows(self, model: str) -> int:
        """Return how many rows a model's log holds."""
        with reading(self.engine) as connection:
            return self._catalogue.entry(connection, model).n_rows

    def extent(self, model: str, window: Window) -> WindowExtent:
        """Count the rows of a window and return the half-open time that they span."""
        with reading(self.engine) as connection:
            layout = self._catalogue.layout(connection, self._catalogue.entry(connection, model))
            return selecting.read_extent(connection, layout.table, window)

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> dict[str, Sample]:
        """Return the values of a window, one sample per column, all in time order."""
        with reading(self.engine) as connection:
            entry = self._catalogue.entry(connection, model)
            layout = self._catalogue.layout(connection, entry)
            dictionary = self._catalogue.dictionary(connection, entry)
            return selecting.read_samples(connection, layout, dictionary, window, columns)

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> dict[str, Sample]:
        """Return the values of a reference, one sample per column, in time order."""
        with reading(self.engine) as connection:
            entry = self._catalogue.entry(connection, model)
            reference = references.find(connection, entry, name)
            dictionary = self._catalogue.dictionary(connection, entry)
            return references.read_reference_samples(connection, reference, dictionary, columns)

    def read_rows(
        self,
        model: str,
        window: Window | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
        labelled_only: bool = False,
    ) -> pd.DataFrame:
        """Return the rows of a window (None: of the whole log) in time order, decoded for reading."""
        with reading(self.engine) as connection:
            entry = self._catalogue.entry(connection, model)
            layout = self._catalogue.layout(connection, entry)
            dictionary = self._catalogue.dictionary(connection, entry)
            return selecting.read_rows(
                connection,
                layout,
                dictionary,
                window or LastRows(2**62),
                limit=limit,
                offset=offset,
                labelled_only=labelled_only,
            )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _note(connection: sa.Connection, entry: Entry, *, n_rows: int = 0, n_categories: int = 0) -> None:
    """Tell every cache that the model has changed, in the transaction that changed it."""
    c = schema.model.c
    connection.execute(
        sa.update(schema.model)
        .where(c.id == entry.id)
        .values(revision=c.revision + 1, n_rows=c.n_rows + n_rows, n_categories=c.n_categories + n_categories)
    )

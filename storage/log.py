"""The prediction log: rows go in, windows come out."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from drift.data.samples import Sample
from drift.data.windows import Column, LastRows, RowSpan, Window, WindowExtent
from drift.monitor.memory import Memory
from drift.monitor.source import Outcomes, Place
from drift.statistics.grid import ColumnCounts, Edges
from storage.checking.cells import Rules, instant
from storage.checking.frames import batch_from_frame
from storage.checking.records import batch_from_many
from storage.checking.rows import Batch, IngestReport
from storage.checking.spelling import Reading
from storage.database.audit import append_audit
from storage.database.engine import DEFAULT_URL, DatabaseBusy, open_engine, reading, writing
from storage.database.migrate import migrate
from storage.evidence.ledger import EvidenceLedger
from storage.evidence.rows_after import RowStream
from storage.jobs import runs
from storage.jobs.runs import Run
from storage.models import catalogue, registry
from storage.models.catalogue import Catalogue, read_entry, read_names, reading_model
from storage.models.columns import register_columns
from storage.models.layout import Layout
from storage.reading import selection
from storage.reading.texts import read_texts
from storage.references import frozen as references
from storage.references import labelled, of_champion
from storage.references.frozen import Reference
from storage.segments import shelf
from storage.segments.format import SEGMENT_ROWS, SegmentCache
from storage.segments.grids import GridCache
from storage.segments.seal import CaughtUp, catch_up
from storage.segments.shelf import Shelf
from storage.segments.view import TailCache
from storage.writing.batches import Appended, append_batch
from storage.writing.labels import label_names, not_predicted, strange_labels, write_labels
from storage.writing.plain import NotPlain, insert_plain, plain_rows

# A single row that fills a segment seals this many: a backlog is left to whoever calls `catch_up`.
_SEALED_AT_ONCE = 2
# Counted at once for a new reference: about a second. More is left likewise, and counted at every look until then.
_COUNTED_AT_ONCE = 256
_RowsGiven = pd.DataFrame | Sequence[Mapping[str, Any]]
_log = logging.getLogger(__name__)


def open_log(url: str = DEFAULT_URL) -> "PredictionLog":
    """Open the log behind a database URL; an empty database gets its tables.

    Raises
    ------
    storage.database.engine.DatabaseFault
        If the database cannot be used; the message says why.

    Examples
    --------
    >>> log = open_log("sqlite://")
    >>> log.register("reviews", [Column("length", "numeric"), Column("prediction", "categorical", "prediction")])
    >>> log.append("reviews", [{"predicted_at": "2026-11-23T14:00:00+00:00", "length": 12, "prediction": "positive"}])
    IngestReport(accepted=1, rejected=(), unreadable=())
    """
    engine = open_engine(url)
    try:
        migrate(engine)
    except Exception:  # whatever it is goes on to the caller, and leaves no connection behind
        engine.dispose()
        raise
    return PredictionLog(engine)


class PredictionLog:
    """Every model's predictions: the `drift.monitor.source.Source` on SQLite and PostgreSQL.

    One object serves any number of threads.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.catalogue = Catalogue()
        self.shelf = Shelf(engine, self.catalogue, SegmentCache(), TailCache(), GridCache())
        self.memory = Memory()
        self._rng = np.random.default_rng()

    def register(self, model: str, columns: Sequence[Column], readings: Mapping[str, Reading] | None = None) -> None:
        """Create a model with its columns, or add columns to one.

        Parameters
        ----------
        readings : how the cells of a column are read (storage.checking.spelling), for good
            By default as text, with the usual words for "no value"; labels as predictions are.

        Raises
        ------
        ValueError
            If a name is not allowed, or a column would change its kind, its role or how it is read.
        """
        with writing(self.engine) as connection:
            register_columns(connection, model, columns, readings)

    def append(
        self,
        model: str,
        rows: pd.DataFrame | Sequence[Mapping[str, Any]],
        *,
        run: Run | None = None,
        n_unreadable: int = 0,
        champion: str | None = None,
        strict: bool = False,
    ) -> IngestReport:
        """Store predictions in one transaction; a bad row is reported and the others are kept.

        A cell that cannot be read is reported as such, counted and stored as missing; one of `predicted_at` or
        `request_id` costs its row.

        Parameters
        ----------
        model : a registered model's name
        rows : frame, or sequence of mappings
            `predicted_at` (with a zone) and any of the model's columns, `request_id`, `entity_id`,
            `version`, `variant`, `labelled_at` and `text`. What is absent is missing.
        run : an import run (storage.jobs.runs) whose progress moves in the same transaction, from its `n_done` on
        n_unreadable : source rows of that run that could not even be handed in
        champion : the version that served when these rows were answered
            Evidence against its successor begins with the first row after the promotion: none may be its own.
        strict : whether any cell that cannot be read costs its row

        Returns
        -------
        IngestReport
            How many rows landed, and those that did not by their place in `rows`, in order.

        Raises
        ------
        UnknownModel
            If the model is not registered.
        OtherChampion
            If another version serves by now; nothing is stored then.
        ValueError
            If a frame has a column that the model does not have, or another process works on the run.
        """
        plainly = run is None and champion is None
        if plainly and not isinstance(rows, pd.DataFrame) and self._append_plain(model, rows):
            return IngestReport(len(rows))
        layout, batch = self._checked(model, rows, strict)
        if not len(batch) and run is None:
            return IngestReport(0, tuple(batch.rejected))
        with writing(self.engine) as connection:
            entry = read_entry(connection, model, lock=True)
            if champion is not None:
                registry.check_champion(connection, model, champion)
            if self.catalogue.layout(connection, entry) is not layout:  # another process has added columns
                batch = _checked(self.catalogue.layout(connection, entry), rows, strict)
            appended = append_batch(connection, self.shelf, entry, batch, self._rng)
            if run is not None:
                runs.advance(connection, run, len(rows) + n_unreadable, len(rows) + n_unreadable - appended.n)
            strange = strange_labels(connection, self.catalogue, entry, batch)
        self._settle(appended)
        rejected = sorted([*batch.rejected, *appended.rejected], key=lambda row: row.row)
        return IngestReport(appended.n, tuple(rejected), appended.unreadable, strange)

    def _append_plain(self, model: str, records: Sequence[Mapping[str, Any]]) -> bool:
        """Store a few records if nothing about them is unusual; most that come one by one are stored like this."""
        rows = plain_rows(self.catalogue, model, records)
        if not rows:
            return False
        try:
            with writing(self.engine) as connection:
                entry = read_entry(connection, model, lock=True)
                insert_plain(connection, self.catalogue, entry, rows)
        except NotPlain:
            return False
        if entry.n_unsealed % SEGMENT_ROWS + len(rows) >= SEGMENT_ROWS:
            self._catch_up_if_free(model, _SEALED_AT_ONCE)
        return True

    def _checked(self, model: str, rows: _RowsGiven, strict: bool) -> tuple[Layout, Batch]:
        """Check rows against the columns last known: these are read anew only where that could change the outcome."""
        layout = self.catalogue.known_layout(model)
        if layout is not None:
            try:
                batch = _checked(layout, rows, strict)
            except ValueError:
                layout = None
            else:
                if not batch.rejected:
                    return layout, batch
        with reading(self.engine) as connection:
            layout = self.catalogue.layout(connection, read_entry(connection, model))
        return layout, _checked(layout, rows, strict)

    def _settle(self, appended: Appended) -> None:
        """Do what may wait until the rows are committed, and must not fail for them."""
        if appended.tail is not None:
            self.shelf.tails.remember(appended.entry, appended.tail)
        if appended.filled_a_segment:
            self._catch_up_if_free(appended.entry.name, _SEALED_AT_ONCE)

    def _catch_up_if_free(self, model: str, max_segments: int) -> None:
        """Seal and count what was just committed; whatever hinders that, the rows are in and the answer stays yes."""
        try:
            self.catch_up(model, max_segments)
        except (DatabaseBusy, sa.exc.OperationalError) as error:
            _log.warning("Model %s waits to be sealed and counted: %s", model, error)
        except Exception:  # such as a segment that was changed by hand: whoever looks at it is told
            _log.exception("Model %s cannot be sealed and counted.", model)

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
            entry = read_entry(connection, model, lock=True)
            came = instant(labelled_at or datetime.now(UTC))
            n, n_new, rejected = write_labels(connection, self.catalogue, entry, request_ids, labels, came)
            catalogue.grow(connection, entry, 0, n_new)
            sent = label_names(self.catalogue.layout(connection, entry), labels)
            strange = not_predicted(self.catalogue.dictionary(connection, entry), sent)
        return IngestReport(n, tuple(rejected), (), strange)

    def freeze_reference(
        self,
        model: str,
        name: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int | None = None,
        newest: int | None = None,
        by: str | None = None,
    ) -> Reference:
        """Freeze rows of the log as a reference.

        Parameters
        ----------
        start, end : the rows with `start <= predicted_at < end`
        rows, newest : or the first so many rows of the log, or the last
        by : who freezes it, for the audit list; a program that does so by itself is not listed

        Raises
        ------
        ValueError
            If the name is taken, the window is empty, or not exactly one of the three is given.
        """
        window = references.window_of(start, end, rows, newest)
        with writing(self.engine) as connection:
            entry = read_entry(connection, model, lock=True)
            layout = self.catalogue.layout(connection, entry)
            dictionary = self.catalogue.dictionary(connection, entry)
            frozen = references.freeze(connection, entry, layout, dictionary, name, window)
            if by is not None:
                append_audit(connection, by, "freeze", model, reference=name, n_rows=frozen.n)
            catalogue.grow(connection, entry, 0, 0)
        self._catch_up_if_free(model, _COUNTED_AT_ONCE)
        return frozen

    def models(self) -> tuple[str, ...]:
        """Return the registered models, the oldest first."""
        with reading(self.engine) as connection:
            return read_names(connection)

    def columns(self, model: str) -> tuple[Column, ...]:
        """Return a model's registered columns."""
        with reading_model(self, model) as opened:
            return opened.layout.columns

    def readings(self, model: str) -> Mapping[str, Reading]:
        """Return how the cells of a model's columns are read."""
        with reading_model(self, model) as opened:
            return opened.layout.readings

    def rules(self, model: str) -> Rules:
        """Return the rule by which each field of a model's rows is read."""
        with reading_model(self, model) as opened:
            return opened.layout.rules

    def references(self, model: str) -> tuple[Reference, ...]:
        """Return a model's references, the oldest first."""
        with reading_model(self, model) as opened:
            return references.read_references(opened.connection, opened.entry)

    def default_reference(self, model: str) -> Reference | None:
        """Return the reference that the champion brought with it; without one, the first that was frozen."""
        with reading_model(self, model) as opened:
            return of_champion.read_default_reference(opened.connection, opened.entry)

    def revision(self, model: str) -> int:
        """Return a number that grows with every change of the model's rows, labels or references."""
        with reading_model(self, model) as opened:
            return opened.entry.revision

    def n_rows(self, model: str) -> int:
        """Return how many rows a model's log holds."""
        with reading_model(self, model) as opened:
            return opened.entry.n_rows

    def extent(self, model: str, window: Window) -> WindowExtent:
        """Count the rows of a window and return the half-open time that they span."""
        return self.extents(model, [window])[0]

    def extents(self, model: str, windows: Sequence[Window]) -> list[WindowExtent]:
        """Return the extent of every window, all as of one instant."""
        with self.shelf.open(model) as view:
            return shelf.read_extents(view, windows)

    def n_retired(self, model: str) -> int:
        """Return how many rows retention has removed from the front of the log."""
        with reading_model(self, model) as opened:
            return opened.entry.n_retired

    def cut(self, model: str, k: int) -> tuple[RowSpan, ...]:
        """Cut the log into at most k windows of about equal size, where counting them costs least."""
        with self.shelf.open(model) as view:
            return shelf.cut(view, k)

    def counts(self, model: str, windows: Sequence[Window], cells: Mapping[str, Edges]) -> dict[str, ColumnCounts]:
        """Count the rows of many windows in cells, column by column; on those of a frozen reference fast.

        Parameters
        ----------
        cells : borders by column name, float64 array of shape (n_cells - 1,); None for a categorical column: its codes

        Returns
        -------
        dict of ColumnCounts by column name, in the order of `cells`
            Counts of shape (len(windows), n_cells), and the rows without a value, shape (len(windows),).
        """
        with self.shelf.open(model) as view:
            grids = self.shelf.grids.grids(view.connection, view.entry, view.layout)
            dictionary = self.catalogue.dictionary(view.connection, view.entry)
            return shelf.read_counts(view, grids, dictionary, windows, cells)

    def catch_up(self, model: str, max_segments: int | None = None) -> CaughtUp:
        """Seal what stands behind the watermark and repair what late rows changed (storage.segments.seal)."""
        return catch_up(self.shelf, model, max_segments)

    def stream(self, model: str, reference: str) -> RowStream:
        """Return the rows that came after a frozen reference."""
        return RowStream(self.shelf, model, reference)

    def ledger(self, model: str, reference: str) -> EvidenceLedger:
        """Return where the evidence against a frozen reference is kept."""
        return EvidenceLedger(self.shelf, model, reference)

    def read_window(self, model: str, window: Window, columns: Sequence[Column]) -> dict[str, Sample]:
        """Return the values of a window, one sample per column, all in time order.

        Returns
        -------
        dict of samples by column name, in the order of `columns`
            Each of shape (n,): float64 with NaN for missing, or int32 codes with -1 and the names of the codes.
        """
        with self.shelf.open(model) as view:
            dictionary = self.catalogue.dictionary(view.connection, view.entry)
            return shelf.read_samples(view, dictionary, window, columns)

    def read_reference(self, model: str, name: str, columns: Sequence[Column]) -> dict[str, Sample]:
        """Return the values of a reference, one sample per column, in time order.

        Returns
        -------
        dict of samples by column name, in the order of `columns`
            Each of shape (n,): float64 with NaN for missing, or int32 codes with -1 and the names of the codes.
        """
        with reading_model(self, model) as opened:
            reference = references.find(opened.connection, opened.entry, name)
            return references.read_reference_samples(opened.connection, reference, opened.dictionary, columns)

    def read_outcomes(self, model: str, reference: str, after: Place | None, n: int) -> Outcomes:
        """Return up to n labelled predictions made after a reference, in label order, those that follow a place.

        Returns
        -------
        Outcomes
            At most n rows: ids and instants as int64, prediction and label as codes; none is missing.
        """
        with reading_model(self, model) as opened:
            frozen = references.find(opened.connection, opened.entry, reference)
            return labelled.read_outcomes(
                opened.connection, opened.entry, opened.layout, opened.dictionary, frozen, after, n
            )

    def outcome_before(self, model: str, reference: str, place: Place, n: int) -> datetime:
        """Return when the label came that lies n labels before a place in label order."""
        with reading_model(self, model) as opened:
            frozen = references.find(opened.connection, opened.entry, reference)
            return labelled.read_outcome_before(opened.connection, opened.layout, frozen, place, n)

    def read_texts(self, model: str, window: Window, limit: int) -> list[str]:
        """Return the texts of a window's newest `limit` rows that have one, in time order."""
        with reading_model(self, model) as opened:
            return read_texts(opened.connection, opened.layout, window, limit)

    def read_delays(self, model: str, window: Window, limit: int) -> np.ndarray:
        """Return how many seconds labels took to come, for the newest `limit` labelled rows of a window.

        Returns
        -------
        float64 array, shape (at most limit,)
            Seconds from the prediction to its label, the newest row first.
        """
        with reading_model(self, model) as opened:
            return labelled.read_delays(opened.connection, opened.layout, window, limit)

    def read_rows(
        self,
        model: str,
        window: Window | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
        labelled_only: bool = False,
    ) -> pd.DataFrame:
        """Return the rows of a window (None: of the whole log) in time order, decoded for reading.

        Parameters
        ----------
        limit, offset : at most so many of the rows, after so many
        labelled_only : only those whose label has come

        Returns
        -------
        DataFrame, shape (n, columns of the log)
            Instants in UTC, categories as text, numbers as float64; what is missing is NaT, None or NaN.
        """
        with reading_model(self, model) as opened:
            return selection.read_rows(
                opened.connection,
                opened.layout,
                opened.dictionary,
                window or LastRows(2**62),
                limit=limit,
                offset=offset,
                labelled_only=labelled_only,
            )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _checked(layout: Layout, rows: _RowsGiven, strict: bool) -> Batch:
    if isinstance(rows, pd.DataFrame):
        return batch_from_frame(layout.columns, rows, layout.rules, strict=strict)
    return batch_from_many(layout.columns, rows, layout.rules, strict=strict)

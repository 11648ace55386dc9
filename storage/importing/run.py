"""Brings the rows of a file into the log as planned: bad rows are listed, good ones kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from storage.checking.rows import RejectedRow, UnreadableCells
from storage.database.engine import cleaning_up
from storage.importing import files
from storage.importing.csv_files import Chunk
from storage.importing.plan import ImportPlan
from storage.jobs import runs
from storage.jobs.runs import Run
from storage.log import PredictionLog

BATCH_ROWS = 20_000
Progress = Callable[[int, int | None], None]
# The position of the first row of a part, and those of its rows that were rejected.
TellRejected = Callable[[int, Sequence[RejectedRow]], None]


@dataclass(frozen=True)
class UnreadableColumn:
    """How many cells of a column of a file could not be read, the row of the first, from 0, and why."""

    source: str
    n: int
    row: int
    error: str


@dataclass(frozen=True)
class ImportResult:
    """What became of a file: rows stored now, every rejected row with its position from 0, and unreadable cells."""

    accepted: int
    rejected: tuple[RejectedRow, ...]
    n: int
    resumed_at: int
    unreadable: tuple[UnreadableColumn, ...] = ()


class AlreadyImported(ValueError):
    """The same content was imported before; doing it again would count its rows twice."""


def run_import(
    log: PredictionLog,
    plan: ImportPlan,
    *,
    batch: int = BATCH_ROWS,
    again: bool = False,
    strict: bool = False,
    by: str | None = None,
    progress: Progress = lambda n_done, n_rows: None,
    tell_rejected: TellRejected = lambda first, rejected: None,
) -> ImportResult:
    """Import a file as planned, `batch` rows per transaction.

    An import that was stopped, however rudely, goes on where its last transaction ended. `tell_rejected` is called
    after every transaction. `by` is who imports, for the audit list. With `strict`, a cell that cannot be read costs
    its row.

    Raises
    ------
    AlreadyImported
        If the same content was imported in full before and `again` is not set.
    """
    fingerprint = plan.fingerprint
    # Before anything is written; whether another import ends meanwhile is seen where the run begins.
    if not again and (done := runs.read_done_run(log, fingerprint)) is not None:
        raise _imported(plan, done)
    log.register(plan.model, plan.columns, plan.readings)
    n_rows = files.count_rows(plan.path)
    try:
        run = runs.begin(log, plan.model, plan.called, n_rows, fingerprint, once=not again)
    except runs.RunDone as error:
        raise _imported(plan, error.run) from None
    rejected: list[RejectedRow] = []
    unreadable: dict[str, UnreadableColumn] = {}
    accepted, n_done = 0, run.n_done
    progress(n_done, run.n_rows)
    try:
        for chunk in _chunks(plan, batch, run.n_done):
            n_landed, bad, cells = _append(log, plan, replace(run, n_done=n_done), chunk, strict)
            tell_rejected(n_done, bad)
            accepted, n_done = accepted + n_landed, n_done + chunk[0]
            _count(unreadable, cells)
            rejected += bad
            progress(n_done, run.n_rows)
    except runs.RunTaken:
        raise
    except BaseException as error:
        # A database that has just failed may not take this note either; the run is taken up again all the same.
        with cleaning_up(error):
            runs.finish(log, run.id, "stopped", f"stopped after {n_done:,} rows: {type(error).__name__}")
        raise
    landed = accepted or run.n_done > run.n_rejected
    state, why = ("done", None) if landed else ("failed", "every row was rejected")
    runs.finish(log, run.id, state, why, by=by)
    return ImportResult(accepted, tuple(rejected), n_done, run.n_done, tuple(unreadable.values()))


def _imported(plan: ImportPlan, done: Run) -> AlreadyImported:
    return AlreadyImported(
        f"{plan.called} was imported into {plan.model!r} on {done.started_at:%Y-%m-%d %H:%M} UTC "
        f"(run {done.id}); nothing was changed. Add --again to import its rows a second time."
    )


def _chunks(plan: ImportPlan, size: int, skip: int) -> Iterator[Chunk]:
    wanted = list(plan.sources.values())
    return files.read_chunks(plan.path, wanted, size, skip, numeric=plan.numeric_sources, missing=plan.missing)


def _append(
    log: PredictionLog, plan: ImportPlan, run: Run, chunk: Chunk, strict: bool
) -> tuple[int, tuple[RejectedRow, ...], tuple[UnreadableCells, ...]]:
    """Store one chunk; return how many of its rows landed, the others, and unreadable cells, as the file names them."""
    _, frame, unreadable = chunk
    report = log.append(plan.model, plan.as_logged(frame), run=run, n_unreadable=len(unreadable), strict=strict)
    told = plan.told(frame, unreadable, report.rejected)
    return report.accepted, told, plan.told_unreadable(frame, report.unreadable)


def _count(unreadable: dict[str, UnreadableColumn], found: Sequence[UnreadableCells]) -> None:
    for cells in found:
        first = unreadable.get(cells.column, UnreadableColumn(cells.column, 0, cells.rows[0], cells.errors[0]))
        unreadable[cells.column] = replace(first, n=first.n + cells.n)

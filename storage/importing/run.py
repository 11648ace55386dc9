"""Brings the rows of a file into the log: columns are mapped, types inferred, bad rows listed, good ones kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from drift.data.windows import Column, Kind
from storage.checking.frames import batch_from_frame, with_zone
from storage.checking.rows import RejectedRow
from storage.database.engine import cleaning_up
from storage.importing import files
from storage.importing.inference import Decision, infer
from storage.jobs import runs
from storage.jobs.runs import Run
from storage.log import PredictionLog
from storage.models.catalogue import UnknownModel
from storage.models.columns import check_columns, check_new_model

SAMPLE_ROWS = 10_000
BATCH_ROWS = 20_000
# What a table of every database can have.
_MOST_COLUMNS = 1_000
Progress = Callable[[int, int | None], None]
# The position of the first row of a part, and those of its rows that were rejected.
TellRejected = Callable[[int, Sequence[RejectedRow]], None]


@dataclass(frozen=True, kw_only=True)
class ColumnMapping:
    """Which column of a file holds which field of the log; every other column is a feature."""

    predicted_at: str
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    labelled_at: str | None = None
    request_id: str | None = None
    entity_id: str | None = None
    version: str | None = None
    text: str | None = None

    def sources(self) -> dict[str, str]:
        """Return the file's column for every field that has one."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: source for name, source in named.items() if source is not None}


@dataclass(frozen=True)
class ImportPlan:
    """What an import will do: to be shown before it starts.

    `called` is the name under which the file is listed.
    """

    path: Path
    model: str
    sources: dict[str, str]
    columns: tuple[Column, ...]
    decisions: tuple[Decision, ...]
    called: str

    @property
    def fingerprint(self) -> str:
        """What would be imported twice: the content of the file, and how it is read."""
        return files.fingerprint(self.path, self.model, sorted(self.sources.items()))


@dataclass(frozen=True)
class ImportResult:
    """What became of a file: rows stored now, and every rejected row with its position from 0."""

    accepted: int
    rejected: tuple[RejectedRow, ...]
    n: int
    resumed_at: int


class AlreadyImported(ValueError):
    """The same content was imported before; doing it again would count its rows twice."""


def plan_import(
    log: PredictionLog,
    path: Path,
    model: str,
    mapping: ColumnMapping,
    *,
    ignore: tuple[str, ...] = (),
    numeric: tuple[str, ...] = (),
    categorical: tuple[str, ...] = (),
    called: str = "",
) -> ImportPlan:
    """Decide what each column of a file is, from its first rows.

    Raises
    ------
    ValueError
        If the file cannot be read or lacks a column that was named, or the model must not be named like this.
    """
    names = files.column_names(path)
    sources = mapping.sources()
    named = {f"the column for {name}": source for name, source in sources.items()}
    named |= {f"column {name}": name for name in (*ignore, *numeric, *categorical)}
    for what, source in named.items():
        if source not in names:
            raise ValueError(f"{what} must be in {path.name} ({', '.join(names)}); got {source!r}.")
    if len(names) - len(ignore) > _MOST_COLUMNS:
        raise ValueError(
            f"{path.name} must have at most {_MOST_COLUMNS:,} columns to import; got {len(names) - len(ignore):,}."
        )
    features = [name for name in names if name not in (*sources.values(), *ignore)]
    wanted = [name for name in names if name not in ignore]
    chunk = next(files.read_chunks(path, wanted, SAMPLE_ROWS), None)
    if chunk is None or chunk[1].empty:
        raise ValueError(f"{path.name} must hold at least one readable row; got none.")
    forced: dict[str, Kind] = {}
    forced |= dict.fromkeys(numeric, "numeric")
    forced |= dict.fromkeys(categorical, "categorical")
    try:
        registered = {column.name: column for column in log.columns(model)}
    except UnknownModel:
        check_new_model(model, log.models())
        registered = {}
    decisions = infer(chunk[1], features, sources, forced, registered)
    columns = tuple(decision.column for decision in decisions if decision.column is not None)
    if not columns:
        left_out = "".join(f" {decision.source!r} is {decision.why}." for decision in decisions)
        raise ValueError(f"{path.name} must hold a column to compare beside {mapping.predicted_at!r}.{left_out}")
    check_columns(columns)
    sources |= {column.name: column.name for column in columns if column.role == "feature"}
    return ImportPlan(path, model, sources, columns, tuple(decisions), called or path.name)


def rejected_in_sample(plan: ImportPlan) -> tuple[tuple[RejectedRow, ...], int]:
    """Return which of the first rows of the file will be rejected, and how many were looked at; none is stored.

    Request ids that the log knows already are found only when the rows are stored.
    """
    # Read again: what an import hands over as numbers is text in the sample, from which types were inferred.
    wanted = list(plan.sources.values())
    chunk = next(files.read_chunks(plan.path, wanted, SAMPLE_ROWS, numeric=_numeric_sources(plan)), None)
    if chunk is None:
        return (), 0
    n, frame, unreadable = chunk
    found = batch_from_frame(plan.columns, _as_logged(plan, frame)).rejected
    return _told(plan, frame, unreadable, found), n


def run_import(
    log: PredictionLog,
    plan: ImportPlan,
    *,
    batch: int = BATCH_ROWS,
    again: bool = False,
    by: str | None = None,
    progress: Progress = lambda n_done, n_rows: None,
    tell_rejected: TellRejected = lambda first, rejected: None,
) -> ImportResult:
    """Import a file as planned, `batch` rows per transaction.

    An import that was stopped, however rudely, goes on where its last transaction ended. `tell_rejected` is called
    after every transaction. `by` is who imports, for the audit list.

    Raises
    ------
    AlreadyImported
        If the same content was imported in full before and `again` is not set.
    """
    fingerprint = plan.fingerprint
    # Before anything is written; whether another import ends meanwhile is seen where the run begins.
    if not again and (done := runs.read_done_run(log, fingerprint)) is not None:
        raise _imported(plan, done)
    log.register(plan.model, plan.columns)
    n_rows = files.count_rows(plan.path)
    try:
        run = runs.begin(log, plan.model, plan.called, n_rows, fingerprint, once=not again)
    except runs.RunDone as error:
        raise _imported(plan, error.run) from None
    rejected: list[RejectedRow] = []
    accepted, n_done = 0, run.n_done
    progress(n_done, run.n_rows)
    try:
        chunks = files.read_chunks(
            plan.path, list(plan.sources.values()), batch, run.n_done, numeric=_numeric_sources(plan)
        )
        for n, frame, unreadable in chunks:
            n_landed, bad = _append(log, plan, replace(run, n_done=n_done), frame, unreadable)
            tell_rejected(n_done, bad)
            accepted, n_done = accepted + n_landed, n_done + n
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
    return ImportResult(accepted, tuple(rejected), n_done, run.n_done)


def _imported(plan: ImportPlan, done: Run) -> AlreadyImported:
    return AlreadyImported(
        f"{plan.called} was imported into {plan.model!r} on {done.started_at:%Y-%m-%d %H:%M} UTC "
        f"(run {done.id}); nothing was changed. Add --again to import its rows a second time."
    )


def _numeric_sources(plan: ImportPlan) -> list[str]:
    return [plan.sources[column.name] for column in plan.columns if column.kind == "numeric"]


def _append(
    log: PredictionLog, plan: ImportPlan, run: Run, frame: pd.DataFrame, unreadable: list[RejectedRow]
) -> tuple[int, tuple[RejectedRow, ...]]:
    """Store one chunk; return how many of its rows landed, and the others by their position in the file."""
    report = log.append(plan.model, _as_logged(plan, frame), run=run, n_unreadable=len(unreadable))
    return report.accepted, _told(plan, frame, unreadable, report.rejected)


def _as_logged(plan: ImportPlan, frame: pd.DataFrame) -> pd.DataFrame:
    """Name the columns of the file as the log does, and give times a zone."""
    renamed = pd.DataFrame({name: frame[source] for name, source in plan.sources.items()})
    for name in ("predicted_at", "labelled_at"):
        if name in renamed:
            renamed[name] = with_zone(renamed[name])
    return renamed


def _told(
    plan: ImportPlan, frame: pd.DataFrame, unreadable: Sequence[RejectedRow], rejected: Sequence[RejectedRow]
) -> tuple[RejectedRow, ...]:
    """Return bad rows by their position in the file, in words of the file."""
    named = (RejectedRow(int(frame.index[row.row]), _by_source(plan, row.error)) for row in rejected)
    return tuple(sorted([*unreadable, *named], key=lambda row: row.row))


def _by_source(plan: ImportPlan, error: str) -> str:
    """Name the column of the file where an error begins with the field of the log that it fills."""
    name, _, rest = error.partition(" ")
    return f"{plan.sources.get(name, name)} {rest}"

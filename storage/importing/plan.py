"""What an import will do, decided from the first rows of a file: what each column becomes, and how it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import pandas as pd

from drift.data.windows import Column, Kind
from storage.checking.cells import rules_of
from storage.checking.frames import batch_from_frame
from storage.checking.number_forms import DECIMALS, THOUSANDS
from storage.checking.rows import RejectedRow, UnreadableCells, unreadable_cells
from storage.checking.spelling import MISSING, Reading, check_readings
from storage.checking.time_forms import TimeForm, read_times
from storage.checking.times import recognise
from storage.importing import files
from storage.importing.hints import hints
from storage.importing.inference import Asked, Decision, infer, present_of
from storage.log import PredictionLog
from storage.models.catalogue import UnknownModel
from storage.models.columns import check_columns, check_new_model

SAMPLE_ROWS = 10_000
# What a table of every database can have.
_MOST_COLUMNS = 1_000
_HINTED_BY = 1_000
_TIMES = ("predicted_at", "labelled_at")


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

    `called` is the name under which the file is listed, `readings` how the cells of each column are read, and `times`
    how the columns of times are written. `hints` say what may have been overlooked.
    """

    path: Path
    model: str
    sources: dict[str, str]
    columns: tuple[Column, ...]
    decisions: tuple[Decision, ...]
    called: str
    readings: dict[str, Reading] = field(default_factory=dict)
    times: dict[str, TimeForm] = field(default_factory=dict)
    hints: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What would be imported twice: the content of the file, and how it is read."""
        read = {name: (r.classes, r.marks) for name, r in sorted(self.readings.items()) if r.classes or r.marks}
        settings = (self.model, sorted(self.sources.items()), *([read] if read else []))
        return files.fingerprint(self.path, *settings)

    @property
    def missing(self) -> frozenset[str]:
        """The words that mean "no value" in every column that is read."""
        return MISSING.intersection(*(reading.missing for reading in self.readings.values()))

    @property
    def numeric_sources(self) -> list[str]:
        """The columns of the file that hold numbers."""
        plain = [c for c in self.columns if c.kind == "numeric" and not self.readings.get(c.name, Reading()).marks]
        return [self.sources[column.name] for column in plain]

    def as_logged(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Name the columns of the file as the log does, and give times a zone.

        Parameters
        ----------
        frame : rows of the file

        Returns
        -------
        DataFrame, shape (n_rows, n_fields)
            The columns that are imported, under the names of the log.
        """
        renamed = pd.DataFrame({name: frame[source] for name, source in self.sources.items()})
        for name, form in self.times.items():
            renamed[name] = read_times(renamed[name], form)
        return renamed

    def told(
        self, frame: pd.DataFrame, unreadable: Sequence[RejectedRow], rejected: Sequence[RejectedRow]
    ) -> tuple[RejectedRow, ...]:
        """Return bad rows by their position in the file, in words of the file.

        Parameters
        ----------
        frame : rows of the file, indexed by their position in it
        unreadable : rows that the file did not yield
        rejected : rows of the frame, by their place in it

        Returns
        -------
        tuple of RejectedRow
            In the order of the file.
        """
        named = (RejectedRow(int(frame.index[row.row]), self._by_source(row.error)) for row in rejected)
        return tuple(sorted([*unreadable, *named], key=lambda row: row.row))

    def _by_source(self, error: str) -> str:
        """Name the column of the file where an error begins with the field of the log that it fills."""
        name, _, rest = error.partition(" ")
        return f"{self.sources.get(name, name)} {rest}"

    def told_unreadable(self, frame: pd.DataFrame, cells: Sequence[UnreadableCells]) -> tuple[UnreadableCells, ...]:
        """Return unreadable cells by their column and position in the file.

        Parameters
        ----------
        frame : rows of the file, indexed by their position in it
        cells : unreadable cells of the frame, by their place in it

        Returns
        -------
        tuple of UnreadableCells
            One for each column that has some.
        """
        rows = frame.index.to_numpy()
        return tuple(
            UnreadableCells(self.sources[each.column], tuple(rows[list(each.rows)].tolist()), each.errors)
            for each in cells
        )


@dataclass(frozen=True)
class Trial:
    """What would become of the first `n` rows of a file: those to be rejected, and unreadable cells of the others."""

    rejected: tuple[RejectedRow, ...]
    unreadable: tuple[UnreadableCells, ...]
    n: int


def plan_import(
    log: PredictionLog,
    path: Path,
    model: str,
    mapping: ColumnMapping,
    *,
    ignore: tuple[str, ...] = (),
    numeric: tuple[str, ...] = (),
    categorical: tuple[str, ...] = (),
    missing: tuple[str, ...] | None = None,
    keep: tuple[str, ...] = (),
    classes: tuple[tuple[str, str], ...] = (),
    decimal: Mapping[str, str] | None = None,
    thousands: Mapping[str, str] | None = None,
    time_format: str | None = None,
    called: str = "",
) -> ImportPlan:
    """Decide what each column of a file is, from its first rows.

    Parameters
    ----------
    ignore, numeric, categorical : columns of the file to leave out, or to take as such
    missing : words that mean "no value" besides empty cells; None for the usual ones
    keep : columns in which only an empty cell means "no value"
    classes : names of predictions and labels, each with the class for which it stands; kept with the model
    decimal, thousands : the decimal mark, and that of thousands, by column of the file; "" is every other column
    time_format : how the times are written (storage.checking.times); None to find out

    Raises
    ------
    ValueError
        If the file cannot be read or lacks a column that was named, its times cannot be read, or the model must not
        be named like this or reads its columns otherwise.
    """
    names, sources = files.column_names(path), mapping.sources()
    named = {f"the column for {name}": source for name, source in sources.items()}
    marked = [name for name in (*(decimal or ()), *(thousands or ())) if name]
    named |= {f"column {name}": name for name in (*ignore, *numeric, *categorical, *keep, *marked)}
    _check_named(path, names, named, len(ignore))
    # Spreadsheets, and frames with an index, write columns without a name.
    nameless = [name for name in names if not name.strip() and name not in ignore]
    wanted = [name for name in names if name not in (*ignore, *nameless)]
    _, sample, _ = files.readable_chunk(path, wanted, SAMPLE_ROWS, missing=())
    features = [name for name in wanted if name not in sources.values()]
    kinds: dict[str, Kind] = {}
    kinds |= dict.fromkeys(numeric, "numeric")
    kinds |= dict.fromkeys(categorical, "categorical")
    words = None if missing is None else frozenset(word.strip() for word in missing)
    asked = Asked(
        kinds=kinds,
        missing=words,
        keep=frozenset(keep),
        classes=tuple(sorted(classes)),
        decimal=_checked_marks("decimal", decimal or {}, DECIMALS),
        thousands=_checked_marks("thousands", thousands or {}, THOUSANDS),
    )
    try:
        asked = replace(asked, registered={c.name: c for c in log.columns(model)}, readings=log.readings(model))
    except UnknownModel:
        check_new_model(model, log.models())
    decisions = infer(sample, features, sources, asked)
    decisions += [Decision(f"column {names.index(name) + 1}", None, "left out: it has no name") for name in nameless]
    columns = tuple(decision.column for decision in decisions if decision.column is not None)
    if not columns:
        left_out = "".join(f" {decision.source!r} is {decision.why}." for decision in decisions)
        raise ValueError(f"{path.name} must hold a column to compare beside {mapping.predicted_at!r}.{left_out}")
    check_columns(columns)
    readings = {decision.column.name: decision.reading for decision in decisions if decision.column is not None}
    check_readings(asked.readings, readings, model)
    times = {
        name: recognise(present_of(sample[sources[name]], MISSING), sources[name], time_format)
        for name in _TIMES
        if name in sources and (name == "predicted_at" or len(present_of(sample[sources[name]], MISSING)))
    }
    sources |= {column.name: column.name for column in columns if column.role == "feature"}
    settled = frozenset([*numeric, *categorical, *asked.registered])
    told = hints(sample.head(_HINTED_BY), mapping.sources(), decisions, settled)
    return ImportPlan(path, model, sources, columns, tuple(decisions), called or path.name, readings, times, told)


def _checked_marks(what: str, given: Mapping[str, str], allowed: Sequence[str]) -> Mapping[str, str]:
    for mark in given.values():
        if mark not in allowed:
            raise ValueError(f"{what} must be one of {' '.join(map(repr, allowed))}; got {mark!r}.")
    return given


def _check_named(path: Path, names: Sequence[str], named: dict[str, str], n_ignored: int) -> None:
    for what, source in named.items():
        if source not in names:
            raise ValueError(f"{what} must be in {path.name} ({', '.join(names)}); got {source!r}.")
    if len(names) - n_ignored > _MOST_COLUMNS:
        raise ValueError(
            f"{path.name} must have at most {_MOST_COLUMNS:,} columns to import; got {len(names) - n_ignored:,}."
        )


def try_first_rows(plan: ImportPlan, *, strict: bool = False) -> Trial:
    """Tell what would become of the first rows of the file; none is stored.

    Request ids that the log knows already are found only when the rows are stored.
    """
    # Read again: what an import hands over as numbers is text in the sample, from which types were inferred.
    wanted = list(plan.sources.values())
    chunks = files.read_chunks(plan.path, wanted, SAMPLE_ROWS, numeric=plan.numeric_sources, missing=plan.missing)
    chunk = next(chunks, None)
    if chunk is None:
        return Trial((), (), 0)
    n, frame, unreadable = chunk
    rules = rules_of(plan.columns, plan.readings)
    batch = batch_from_frame(plan.columns, plan.as_logged(frame), rules, strict=strict)
    cells = plan.told_unreadable(frame, unreadable_cells(batch, range(len(batch))))
    return Trial(plan.told(frame, unreadable, batch.rejected), cells, n)

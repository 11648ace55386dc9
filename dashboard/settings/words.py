"""The words of the Settings page: pure functions from what was read to sentences and tables."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from dashboard.settings.data import Choice, ModelFacts
from dashboard.shown.badges import time_text
from drift.data.windows import Column
from drift.wording import share_text
from storage.checking.spelling import BLANK, MISSING, Reading
from storage.importing.plan import ImportPlan, Trial
from storage.jobs.runs import Run

# field of the log -> its label, and what it is for
FIELDS: Mapping[str, tuple[str, str]] = {
    "predicted_at": ("Time of the prediction", "When the prediction was made. Times without a zone are read as UTC."),
    "prediction": ("Prediction", "The class or value that the model gave."),
    "score": ("Score", "The model's probability."),
    "label": ("Label", "The true class or value, where it is known."),
    "labelled_at": ("Time of the label", "When the label came. Times without a zone are read as UTC."),
    "request_id": ("Request id", "A row comes in once; labels that come later find their row by it."),
    "entity_id": ("Entity id", "Who or what the prediction is about: all of their rows can be erased."),
    "version": ("Model version", "Which version of the model answered."),
    "text": ("Text", "Free text that the model read."),
}
_BYTES = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_SHOWN_VALUES = 3


def model_name(called: str) -> str:
    """Make a model's name of a file's.

    Examples
    --------
    >>> model_name("2026 car loans (new).parquet")
    'car_loans_new'
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "_", Path(called).stem).lstrip("_.-0123456789").rstrip("_")[:48] or "model"


def bytes_text(n: int) -> str:
    """Print a size.

    Examples
    --------
    >>> bytes_text(3_301_358), bytes_text(512)
    ('3.3 MB', '512 bytes')
    """
    unit, size = next(((unit, size) for unit, size in _BYTES if n >= size), ("bytes", 1))
    return f"{n} bytes" if size == 1 else f"{n / size:,.1f} {unit}"


def watched_text(rows: Mapping[str, int]) -> str:
    """Say how many models are watched.

    Examples
    --------
    >>> watched_text({"loans": 1_200}), watched_text({})
    ('1 model is watched, 1,200 rows.', 'No model is watched yet.')
    """
    if not rows:
        return "No model is watched yet."
    n = len(rows)
    return f"{n} model{' is' if n == 1 else 's are'} watched, {sum(rows.values()):,} rows."


def becomes_table(
    sample: pd.DataFrame, choice: Choice, plan: ImportPlan | None, faults: Mapping[str, str]
) -> pd.DataFrame:
    """Return a row for every column of a file: what it becomes, why, and its first values.

    Parameters
    ----------
    sample : DataFrame, the first rows of the file
    faults : why a column cannot be a feature, by its name

    Returns
    -------
    DataFrame, shape (columns of the file, 4), all text
    """
    named = {source: field for field, source in choice.fields}
    decided = {decision.source: decision for decision in plan.decisions} if plan else {}
    rows = []
    for name in sample.columns:
        decision, role = decided.get(name), named.get(name)
        becomes = FIELDS[role][0].lower() if role else "feature" if decision and decision.column else "left out"
        if name in choice.unread:
            why = "left out: it cannot be a feature under this name" if name in faults else "left out, as asked"
        else:
            why = decision.why if decision else "kept beside the columns that are compared" if role else "not known yet"
        values = ", ".join(str(value) for value in sample[name].head(_SHOWN_VALUES))
        rows.append({"column": str(name), "becomes": becomes, "why": why, "first values": values})
    return pd.DataFrame(rows)


def preview_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they stand in the file: every value as text, missing ones empty.

    Parameters
    ----------
    rows : DataFrame, shape (n, columns of the file)

    Returns
    -------
    DataFrame of the same shape, all text
    """
    return rows.map(lambda value: "" if value is None or (isinstance(value, float) and value != value) else str(value))


def faults_text(faults: Mapping[str, str]) -> str:
    """Say which columns cannot be features under their names, and why the first of them cannot."""
    first = next(iter(faults.values()))
    named = ", ".join(repr(name) for name in list(faults)[:_SHOWN_VALUES])
    more = f" and {len(faults) - _SHOWN_VALUES} more" if len(faults) > _SHOWN_VALUES else ""
    return f"Left out for their names: {named}{more}. {first[:1].upper()}{first[1:]}"


def trial_text(trial: Trial) -> str:
    """Say what of the first rows cannot be read, and why the first of it cannot."""
    rejected, n = trial.rejected, trial.n
    if not rejected and not trial.unreadable:
        return f"All of the first {n:,} rows can be read."
    first = f"row {rejected[0].row + 1:,}: {rejected[0].error}" if rejected else ""
    if len(rejected) == n:
        return f"None of the first {n:,} rows can be read; {first}"
    said = f"{len(rejected):,} of the first {n:,} rows will be rejected, the others land; the first is {first}"
    return " ".join([*([said] if rejected else []), *([_unreadable_text(trial)] if trial.unreadable else [])])


def _unreadable_text(trial: Trial) -> str:
    columns = ", ".join(f"{each.n:,} of {each.column}" for each in trial.unreadable)
    cells = trial.unreadable[0]
    first = f"row {cells.rows[0] + 1:,}: {cells.column} {cells.errors[0]}."
    return f"Cells of these {trial.n:,} rows that cannot be read will be missing: {columns}; the first is {first}"


def existing_text(found: ModelFacts) -> str:
    """Say what happens to a model that is there when a file is imported into it."""
    return (
        f"Model {found.model} exists: {found.n_rows:,} rows up to {_instant(found.last_at)}. "
        "The rows of this file are added to them and count in every window that they fall into, evidence included. "
        "Columns keep their kind, new ones are added, and a request id that is there already is rejected. "
        "References, versions and the answers to alarms stay as they are. Added rows cannot be taken back as a whole."
    )


def models_table(models: Sequence[ModelFacts]) -> pd.DataFrame:
    """Return a row for every model.

    Returns
    -------
    DataFrame, shape (len(models), 9)
        Text, but for the numbers of rows and of references.
    """
    return pd.DataFrame(
        {
            "model": [found.model for found in models],
            "rows": [found.n_rows for found in models],
            "first": [_instant(found.first_at) for found in models],
            "last": [_instant(found.last_at) for found in models],
            "labelled": ["–" if (s := found.labelled_share) is None else share_text(s) for found in models],
            "columns": [kinds_text(found.columns) for found in models],
            "references": [len(found.references) for found in models],
            "compared with": [f"{f.default}: {f.default_why}" if f.default else "no reference yet" for f in models],
            "champion": [found.champion or "–" for found in models],
        }
    )


def columns_table(found: ModelFacts) -> pd.DataFrame:
    """Return a row for every column of a model, with how its cells are read and how many could not be.

    Returns
    -------
    DataFrame, a row per column, all text
    """
    columns, kinds = found.columns, {"numeric": "number", "categorical": "category"}
    compared = ["no: it comes late" if c.role == "label" else "yes" for c in columns]
    rows = {
        "column": [column.name for column in columns],
        "kind": [kinds[column.kind] for column in columns],
        "role": [column.role for column in columns],
        "compared": compared,
        "spelled as": [_spelled(found, column) for column in columns],
        "missing if": [_missing(found.readings[column.name]) for column in columns],
        "unreadable": [_unreadable(found, column) for column in columns],
    }
    return pd.DataFrame(rows)


def _spelled(found: ModelFacts, column: Column) -> str:
    return found.readings[column.name].spelling if column.kind == "categorical" else "number"


def _missing(reading: Reading) -> str:
    words = sorted(reading.missing - BLANK)
    if not words:
        return "empty" if reading.missing else "never"
    return ", ".join(["empty", *words]) if reading.missing != MISSING else "empty, or a usual word such as NA"


def _unreadable(found: ModelFacts, column: Column) -> str:
    total = found.unreadable.get(column.name)
    return "" if total is None else f"{total.n:,}: {total.reason}"


def references_table(found: ModelFacts) -> pd.DataFrame:
    """Return a row for every reference of a model, the oldest first.

    Returns
    -------
    DataFrame, shape (references, 6)
        Text, but for the number of rows.
    """
    rows = [
        {
            "reference": reference.name,
            "rows": reference.n,
            "from": _instant(reference.start),
            "to": _instant(reference.end),
            "frozen": _instant(reference.frozen_at),
            "default": f"yes: {found.default_why}" if reference.name == found.default else "",
        }
        for reference in found.references
    ]
    return pd.DataFrame(rows, columns=["reference", "rows", "from", "to", "frozen", "default"])


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row for every import.

    Returns
    -------
    DataFrame, shape (len(runs), 7), all text
    """
    return pd.DataFrame(
        {
            "began": [time_text(run.started_at) for run in runs],
            "file": [run.source for run in runs],
            "model": [run.model for run in runs],
            "rows": [f"{run.n_done - run.n_rejected:,}" for run in runs],
            "rejected": [f"{run.n_rejected:,}" for run in runs],
            "state": [run.state for run in runs],
            "note": [run.note or "" for run in runs],
        }
    )


def kinds_text(columns: Collection[Column]) -> str:
    """Say how many columns of each kind there are, and which roles.

    Examples
    --------
    >>> kinds_text([Column("age", "numeric"), Column("score", "numeric", "score")])
    '1 feature (1 number), score'
    """
    features = [column for column in columns if column.role == "feature"]
    roles = [column.role for column in columns if column.role != "feature"]
    counts = {"number": sum(c.kind == "numeric" for c in features)}
    counts["categorical"] = len(features) - counts["number"]
    told = [f"{n} {kind if kind == 'categorical' or n == 1 else 'numbers'}" for kind, n in counts.items() if n]
    named = f"{len(features)} feature{'' if len(features) == 1 else 's'} ({', '.join(told)})" if features else ""
    return ", ".join(filter(None, [named, *roles]))


def _instant(at: datetime | None) -> str:
    return time_text(at) if at else "–"

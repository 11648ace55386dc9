"""What the Settings page reads: uploaded files as an import would take them, models and their references."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from drift.data.windows import Column, LastRows
from storage import PredictionLog
from storage.checking.spelling import Reading
from storage.importing import files
from storage.importing.guesses import cannot_be_features, guess_fields
from storage.importing.plan import ColumnMapping, ImportPlan, Trial, plan_import, try_first_rows
from storage.jobs.runs import Run, read_latest_run
from storage.models import registry
from storage.references.frozen import Reference
from storage.references.labelled import read_labelled_share
from storage.writing.unreadable import UnreadableTotal, read_unreadable

SAMPLE_ROWS = 1_000
# The newest so many rows tell how many are labelled: a log may be long.
LABELS_OF = 100_000
_ALL = 2**62


@dataclass(frozen=True)
class Look:
    """A first look at an uploaded file; `fields` are guessed, `faults` name what else cannot be a feature."""

    sample: pd.DataFrame
    n_rows: int | None
    n_bytes: int
    fields: dict[str, str]
    faults: dict[str, str]


@dataclass(frozen=True)
class Choice:
    """How a person has mapped the columns of a file: fields as (field, column of the file)."""

    model: str
    fields: tuple[tuple[str, str], ...]
    ignore: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]

    @property
    def unread(self) -> tuple[str, ...]:
        """Columns to leave out: one that was given a role is read all the same."""
        return tuple(name for name in self.ignore if name not in dict(self.fields).values())


@dataclass(frozen=True)
class Checked:
    """What an import as chosen would do, before any row is stored."""

    plan: ImportPlan
    fingerprint: str
    trial: Trial


@dataclass(frozen=True)
class ModelFacts:
    """One model as the list of models tells it."""

    model: str
    n_rows: int
    first_at: datetime | None
    last_at: datetime | None
    labelled_share: float | None
    columns: tuple[Column, ...]
    references: tuple[Reference, ...]
    default: str | None
    default_why: str
    champion: str | None
    readings: Mapping[str, Reading]
    unreadable: Mapping[str, UnreadableTotal]


@st.cache_data(max_entries=4, show_spinner="Reading the first rows …")
def look(path: Path) -> Look:
    """Take a first look at an uploaded file.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    sample = files.first_rows(path, SAMPLE_ROWS)
    fields, faults = guess_fields(sample), cannot_be_features(sample)
    unknown = {name: fault for name, fault in faults.items() if name not in fields.values()}
    return Look(sample, files.count_rows(path), path.stat().st_size, fields, unknown)


@st.cache_data(max_entries=16, show_spinner="Looking at the columns …")
def check(_log: PredictionLog, path: Path, choice: Choice, called: str, columns: tuple[Column, ...]) -> Checked:
    """Plan an import as chosen, and try it on the first rows; `columns` are those that the model has already.

    Raises
    ------
    ValueError
        If the file cannot be imported like this.
    """
    mapping: Any = dict(choice.fields)
    if "predicted_at" not in mapping:
        raise ValueError("The time of the prediction must be a column of the file: choose which one it is.")
    plan = plan_import(
        _log,
        path,
        choice.model,
        ColumnMapping(**mapping),
        ignore=choice.unread,
        numeric=tuple(name for name in choice.numeric if name not in choice.unread),
        categorical=tuple(name for name in choice.categorical if name not in choice.unread),
        called=called,
    )
    return Checked(plan, plan.fingerprint, try_first_rows(plan))


def run_of(log: PredictionLog, fingerprint: str) -> Run | None:
    """Return the last import of the same content, read in the same way."""
    return read_latest_run(log, fingerprint)


def columns_of(log: PredictionLog, model: str) -> tuple[Column, ...]:
    """Return the columns of a model, none where there is no such model."""
    return log.columns(model) if model in log.models() else ()


@st.cache_data(max_entries=64, show_spinner=False)
def facts(_log: PredictionLog, model: str, revision: int, champion: str | None) -> ModelFacts:
    """Return what the list of models tells of one."""
    extent = _log.extent(model, LastRows(_ALL))
    newest = _log.extent(model, LastRows(1))
    references, default = _log.references(model), _log.default_reference(model)
    return ModelFacts(
        model=model,
        n_rows=_log.n_rows(model),
        first_at=extent.start,
        last_at=newest.start,
        labelled_share=read_labelled_share(_log, model, LABELS_OF),
        columns=_log.columns(model),
        references=references,
        default=default.name if default else None,
        default_why=_why(_log, model, default, champion),
        champion=champion,
        readings=_log.readings(model),
        unreadable={total.column: total for total in read_unreadable(_log, model)},
    )


def _why(log: PredictionLog, model: str, default: Reference | None, champion: str | None) -> str:
    """Say why boards compare with a reference unless they are told another."""
    if default is None:
        return ""
    version = next((v for v in registry.read_versions(log, model) if v.version == champion), None)
    if version is not None and (version.params or {}).get("reference") == default.name:
        return f"the champion {champion} was accepted on it"
    return "it was frozen first"

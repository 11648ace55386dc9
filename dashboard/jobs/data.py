"""What the Retrain page reads: jobs, versions and workers as the tables have them, and the labelled rows at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from drift.data.windows import LastRows, utc
from retrain.judging.before import choose_rollout, nothing_to_compare, pipeline_fault
from storage import PredictionLog
from storage.database.audit import AuditEntry, read_audit
from storage.jobs import queue, workers
from storage.jobs.job_rows import Job
from storage.models import registry
from storage.models.registry import Alias, Version
from storage.models.shadow import read_last_served
from storage.references.labelled import count_labels

_MOST_JOBS = 200
MOST_COUNTED = 100_000
_FEED_ROWS = 500


@dataclass(frozen=True)
class Retraining:
    """Everything the page shows of one model, read at one moment."""

    model: str
    active: Job | None
    history: tuple[Job, ...]
    aliases: Mapping[str, Alias]
    versions: tuple[Version, ...]
    n_workers: int
    audit: tuple[AuditEntry, ...]

    @property
    def last(self) -> Job | None:
        """The job that ended last."""
        return next((job for job in self.history if job.is_final), None)

    @property
    def trained_at(self) -> datetime | None:
        """When a job last trained a version of the model."""
        trained = [v.created_at for v in self.versions if v.job_id is not None and v.stage != "withdrawn"]
        return max(trained, default=None)

    @property
    def champion(self) -> Version | None:
        """The version that serves."""
        return self.version_of("champion")

    def version_of(self, alias: str) -> Version | None:
        """Return the version behind an alias."""
        name = self.aliases[alias].version if alias in self.aliases else None
        return next((version for version in self.versions if version.version == name), None)


def read_retraining(log: PredictionLog, model: str) -> Retraining:
    """Read jobs, versions, workers and audit of a model."""
    return Retraining(
        model=model,
        active=queue.read_active_job(log, model),
        history=queue.read_jobs(log, model, limit=_MOST_JOBS),
        aliases=registry.read_aliases(log, model),
        versions=registry.read_versions(log, model),
        n_workers=len(workers.read_live_workers(log)),
        audit=read_audit(log, model),
    )


@dataclass(frozen=True)
class Labelled:
    """How many labelled rows of each class came since the champion's training data end; `n_all` counts all of them.

    No more than `MOST_COUNTED` are counted, so that the page costs the same however long the log is.
    """

    per_class: Mapping[str, int]
    data_end: datetime | None
    n_all: int = 0

    @property
    def n(self) -> int:
        """All of them."""
        return sum(self.per_class.values())


def counted(n: int) -> str:
    """Say how many labelled rows were counted.

    Examples
    --------
    >>> counted(1_200), counted(100_000)
    ('1,200', '100,000 or more')
    """
    return f"{n:,} or more" if n >= MOST_COUNTED else f"{n:,}"


@st.cache_data(max_entries=16, show_spinner=False)
def read_labelled(_log: PredictionLog, model: str, revision: int, data_end: datetime | None) -> Labelled:
    """Count labelled rows; the revision is part of the key, so that the count follows the log."""
    if not any(column.role == "label" for column in _log.columns(model)):
        return Labelled({}, None)
    every = count_labels(_log, model, newest=MOST_COUNTED)
    new = every if data_end is None else count_labels(_log, model, data_end, newest=MOST_COUNTED)
    return Labelled(new, data_end, sum(every.values()))


@dataclass(frozen=True)
class Prospects:
    """What a start would meet: a broken feed, if the newest rows look like one, and how the challenger would serve."""

    feed_fault: str | None
    n_feed: int
    rollout: str | None
    rollout_why: str


def read_prospects(log: PredictionLog, found: Retraining, at: datetime) -> Prospects:
    """Read what a start would meet at an instant; the job's own pre-check looks again."""
    champion = found.champion
    has_file = champion is not None and champion.uri is not None
    rollout, why = choose_rollout(None, has_file, read_last_served(log, found.model), at)
    if fault := nothing_to_compare(found.model, has_file, [column.name for column in log.columns(found.model)]):
        rollout, why = None, fault
    return Prospects(*_feed_fault(log, found.model, log.revision(found.model)), rollout, why)


@st.cache_data(max_entries=16, show_spinner=False)
def _feed_fault(_log: PredictionLog, model: str, revision: int) -> tuple[str | None, int]:
    reference = _log.default_reference(model)
    features = [column for column in _log.columns(model) if column.role == "feature"]
    if reference is None or not features:
        return None, 0
    newest = _log.read_rows(model, LastRows(_FEED_ROWS))
    if newest.empty:
        return None, 0
    samples = _log.read_reference(model, reference.name, features)
    return pipeline_fault(newest, samples, reference.name), len(newest)


def data_end(version: Version | None) -> datetime | None:
    """Return until when the training data of a version ran, if that was recorded."""
    text = ((version.params if version else None) or {}).get("data_end")
    return utc(datetime.fromisoformat(text)) if isinstance(text, str) else None

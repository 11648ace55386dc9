"""What a model's retrain jobs and labels make of the advice of its board, for everybody who shows or follows it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from drift.board.findings import Guards, Promotion, UnderWay
from drift.board.result import Board
from drift.monitor.labels import known_reference, outcome_columns
from drift.performance.vocabulary import NEWEST, Names, vocabulary
from retrain.models.champion import champion_version, data_end_of
from retrain.params import RetrainParams
from storage.jobs import job_rows, queue
from storage.log import PredictionLog
from storage.models import registry
from storage.references.labelled import count_labels, read_labelled

WAITS = ("proposed", "waiting_approval")
_NEWEST_LABELS = 500
_ASK_FOR_A_RETRAIN = ("retrain", "emergency")


def guarded_board(log: PredictionLog, board: Board, at: datetime, params: Mapping[str, Any] | None = None) -> Board:
    """Return a board whose advice knows of the model's retrain jobs, and of what speaks against another one.

    Page, `/drift-check`, command line, alerts and triggers all conclude from this board.

    Parameters
    ----------
    params : of the retrain that is thought of; default: those of any
    """
    found = queue.read_jobs(log, board.model)
    known = Guards(under_way=_under_way(found), promoted=_promoted(log, board, found))
    board = replace(board, guards=known)
    if board.advice.action not in _ASK_FOR_A_RETRAIN:  # counting labels takes as long as the rest
        return board
    guards = guards_now(log, board.model, params, at)
    return replace(board, guards=replace(guards, under_way=known.under_way, promoted=known.promoted))


def strange_names(log: PredictionLog, model: str, rows: pd.DataFrame | None = None) -> str:
    """Say that labels and predictions use names that the other does not have; nothing where they do not.

    No retrain can learn from such labels: it would learn the new names, or the names of two feeds at once.

    Parameters
    ----------
    rows : DataFrame, shape (n labelled rows, columns of the model)
        Default: its newest.

    Returns
    -------
    str
        Empty where nothing is wrong, or nothing can be told.
    """
    columns = outcome_columns(log, model)
    if columns is None:
        return ""
    found = read_labelled(log, model, _NEWEST_LABELS) if rows is None else rows
    labels = found["label"].dropna()
    now = Names(_counted(found["prediction"]), _counted(labels), _counted(labels.tail(NEWEST)))
    known = known_reference(log, model, None, columns)
    words = vocabulary(now, known.names if known else None)
    if not words.is_fault:
        return ""
    return f"{words.sentence} Repair the feed of the {words.feed} first, or map the names (--classes)."


def _counted(values: pd.Series) -> dict[str, int]:
    return {str(name): int(n) for name, n in values.value_counts().items()}


def guards_now(log: PredictionLog, model: str, params: Mapping[str, Any] | None, at: datetime) -> Guards:
    """Return what is known of a model that may speak against a retrain at an instant.

    Parameters
    ----------
    params : what the job would be asked for; None is a job as it is by itself
    at : the present, in UTC

    Returns
    -------
    Guards
        The time since the last training, and the new labelled rows of each class: None without a label column.

    Raises
    ------
    ValueError
        If a parameter is none, or the model is unknown.
    """
    asked = RetrainParams.from_mapping(params)
    trained = [v.created_at for v in registry.read_versions(log, model) if v.job_id and v.stage != "withdrawn"]
    since = data_end_of(champion_version(log, model))
    has_labels = any(column.role == "label" for column in log.columns(model))
    return Guards(
        since_retrain=at - max(trained) if trained else None,
        cool_down=timedelta(hours=asked.cool_down_hours),
        # No more than a job would collect: what lies before that teaches nothing.
        labels=count_labels(log, model, since, newest=asked.window_rows) if has_labels else None,
        min_labels=asked.min_rows,
        min_class_labels=asked.min_class_rows,
    )


def _under_way(found: tuple[job_rows.Job, ...]) -> UnderWay | None:
    job = next((job for job in found if job.state not in job_rows.FINAL), None)
    return UnderWay(job.id, job.requested_by, job.state in WAITS) if job else None


def _promoted(log: PredictionLog, board: Board, found: tuple[job_rows.Job, ...]) -> Promotion | None:
    """Return the last promotion, where the window still holds rows from before it and its version serves."""
    job = next((job for job in found if job.state == "promoted"), None)
    if job is None or board.window.start is None or job.updated_at < board.window.start:
        return None
    if job.version is None or registry.read_alias(log, board.model, "champion") != job.version:
        return None
    return Promotion(job.version, job.updated_at)

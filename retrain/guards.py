"""What may speak against a retrain now: the last one is too near, or too few labels have come since."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drift.advice import Guards
from retrain.champion import champion_version, data_end_of
from retrain.params import RetrainParams
from storage import registry
from storage.labelled import count_labels
from storage.log import PredictionLog


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
    trained = [v.created_at for v in registry.versions(log, model) if v.job_id and v.stage != "withdrawn"]
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

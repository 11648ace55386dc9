"""Reasons not to train: too little to learn from, or data that a broken pipeline made."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column
from retrain.params import RetrainParams, Rollout

# A share of missing or never seen values that jumps by so much is a fault upstream, not a change of the world.
MAX_MISSING_JUMP = 0.2
MAX_UNSEEN = 0.5
MAX_DUPLICATES = 0.9
# So many times its whole range away from the reference, a number is in another unit and has not drifted.
MAX_RANGES_AWAY = 10
MAX_FAR_AWAY = 0.01
# Without a request of ours for so long, a canary would have nothing to answer.
TRAFFIC_WITHIN = timedelta(days=1)


def cool_down_left(last: datetime | None, at: datetime, hours: float) -> timedelta:
    """Return for how long no training should begin after the last one.

    Examples
    --------
    >>> noon = datetime.fromisoformat("2026-11-25T12:00+00:00")
    >>> cool_down_left(noon - timedelta(hours=20), noon, 24)
    datetime.timedelta(seconds=14400)
    """
    return timedelta(0) if last is None else max(timedelta(0), last + timedelta(hours=hours) - at)


def choose_rollout(
    asked: Rollout | None, has_file: bool, served_at: datetime | None, at: datetime
) -> tuple[Rollout | None, str]:
    """Return how a challenger comes to serve, and why; None if what was asked for cannot be.

    Parameters
    ----------
    asked : None lets the traffic decide
    has_file : whether the champion is a model file of ours, and not only imported predictions
    served_at : when a request was last answered through POST /predict

    Examples
    --------
    >>> choose_rollout(None, True, None, datetime(2026, 11, 25))
    ('direct', 'No request was answered through POST /predict within a day: a canary would have no traffic.')
    """
    if not has_file:
        if asked == "canary":
            return None, "The rollout must be direct: the champion's predictions are imported, so nothing can be split."
        return "direct", "The champion's predictions are imported: there is no traffic of ours to split."
    if asked is not None:
        return asked, "As asked."
    if served_at is None or at - served_at > TRAFFIC_WITHIN:
        return "direct", "No request was answered through POST /predict within a day: a canary would have no traffic."
    return "canary", "Requests are answered through POST /predict: the challenger meets some of them first."


def nothing_to_compare(model: str, has_file: bool, columns: Iterable[str]) -> str | None:
    """Say that a challenger would meet no champion, neither a model file nor predictions; None if it meets one."""
    if has_file or "prediction" in columns:
        return None
    return (
        f"Model {model!r} has neither a model file nor logged predictions: there is nothing to compare a "
        "challenger with. Log predictions, or register a first version (storage.models.registration.register_version)."
    )


def too_few(counts: Mapping[str, int], params: RetrainParams, since: str) -> str | None:
    """Say what is missing of the labelled rows that a training needs; None if nothing is.

    Parameters
    ----------
    counts : labelled rows of each class
    params : how many there must be, in all and of each class
    since : from when on they were counted, in words

    Examples
    --------
    >>> too_few({"good": 600}, RetrainParams(), "since 1 Nov")
    "The label must have at least two classes; all 600 labelled rows since 1 Nov are 'good'."
    >>> too_few({"good": 600, "bad": 9}, RetrainParams(), "since 1 Nov")
    "Each class must have at least 50 labelled rows since 1 Nov; 'bad' has 9."
    """
    total = sum(counts.values())
    if total < params.min_rows:
        return f"At least {params.min_rows:,} labelled rows {since} are needed; there are {total:,}."
    if len(counts) < 2:
        return (
            f"The label must have at least two classes; all {total:,} labelled rows {since} are {next(iter(counts))!r}."
        )
    rarest = min(counts, key=lambda name: (counts[name], name))
    if counts[rarest] < params.min_class_rows:
        least = f"at least {params.min_class_rows:,} labelled rows {since}"
        return f"Each class must have {least}; {rarest!r} has {counts[rarest]:,}."
    return None


def schema_fault(features: Sequence[str], columns: Sequence[Column], rows: pd.DataFrame) -> str | None:
    """Say which feature of the champion is gone, or which column holds what cannot be learnt from.

    Parameters
    ----------
    features : the columns that the champion reads
    columns : the model's registered columns
    rows : n rows that hold the features among them

    Returns
    -------
    str or None
        A sentence on the first fault; None if nothing is wrong.
    """
    known = {column.name for column in columns} | {"text"}
    if gone := [name for name in features if name not in known]:
        return f"The champion's features must still be columns of the model; {', '.join(gone)} is not."
    for column in columns:
        if column.kind == "numeric" and column.role == "feature" and np.isinf(rows[column.name]).any():
            return f"{column.name} must hold finite numbers; {int(np.isinf(rows[column.name]).sum()):,} are infinite."
    return None


def missing_shares(rows: pd.DataFrame, columns: Sequence[Column]) -> dict[str, float]:
    """Return the share of missing values of each feature.

    Parameters
    ----------
    rows : n rows
    columns : the model's registered columns; those without the role feature are left out

    Returns
    -------
    dict of float
        From 0 to 1, by the name of the column; NaN without a row.
    """
    return {c.name: float(rows[c.name].isna().mean()) for c in columns if c.role == "feature"}


def pipeline_fault(rows: pd.DataFrame, reference: Mapping[str, Sample], name: str) -> str | None:
    """Say which feature looks broken against a reference: missing values or never seen categories came in a burst.

    Parameters
    ----------
    rows : n rows that hold the columns of the reference
    reference : what each column was before
    name : how the reference is called

    Returns
    -------
    str or None
        A sentence on the first such column; None if none is. What is far away counts above 1 % of the values, missing
        values when their share grew by more than 20 points, categories never seen above 50 % of the values.
    """
    for column, sample in reference.items():
        values = rows[column]
        if isinstance(sample, NumericSample) and (far := _far_share(values, sample)) > MAX_FAR_AWAY:
            away = f"lie more than {MAX_RANGES_AWAY} times the range of the reference {name} outside it"
            return f"{far:.1%} of {column} {away}: its unit may have changed, mend the pipeline first."
        before, after = _missing_share(sample), float(values.isna().mean())
        if after - before > MAX_MISSING_JUMP:
            grew = f"from {before:.1%} (reference {name}) to {after:.1%}"
            return f"Missing values of {column} went {grew}: mend the pipeline first, this is not drift."
        unseen = 0.0 if isinstance(sample, NumericSample) else _unseen_share(values.dropna(), sample)
        if unseen > MAX_UNSEEN:
            return f"{unseen:.1%} of {column} are values that the reference {name} never had: mend the pipeline first."
    return None


def duplicate_share(rows: pd.DataFrame, columns: Sequence[str]) -> float:
    """Return the share of rows that repeat an earlier one.

    Parameters
    ----------
    rows : n rows
    columns : where they must be the same; missing values are

    Returns
    -------
    float
        From 0 to 1; 0 without a row.

    Examples
    --------
    >>> duplicate_share(pd.DataFrame({"x": [1, 1, 2, 1], "y": [5, 5, 5, 6]}), ["x", "y"])
    0.25
    """
    return float(rows.duplicated(list(columns)).mean()) if len(rows) else 0.0


def _missing_share(sample: Sample) -> float:
    values = np.isnan(sample.values) if isinstance(sample, NumericSample) else sample.codes < 0
    return float(values.mean()) if len(values) else 0.0


def _far_share(values: pd.Series, sample: NumericSample) -> float:
    before, after = sample.values[np.isfinite(sample.values)], values.dropna().to_numpy(np.float64)
    if not len(before) or not len(after):
        return 0.0
    low, high = before.min(), before.max()
    room = MAX_RANGES_AWAY * (high - low)
    # A column that never varied before says nothing about how far is far.
    return float(((after < low - room) | (after > high + room)).mean()) if room else 0.0


def _unseen_share(values: pd.Series, sample: CategoricalSample) -> float:
    # The categories of a sample are all that the column ever had; the counts say which the reference holds.
    seen = [name for name, n in zip(sample.categories, sample.counts(), strict=True) if n]
    return float((~values.isin(seen)).mean()) if seen and len(values) else 0.0

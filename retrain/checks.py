"""Reasons not to train: too little to learn from, or data that a broken pipeline made."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from drift.samples import CategoricalSample, NumericSample, Sample
from drift.windows import Column
from retrain.params import RetrainParams

# A share of missing or never seen values that jumps by so much is a fault upstream, not a change of the world.
MAX_MISSING_JUMP = 0.2
MAX_UNSEEN = 0.5
MAX_DUPLICATES = 0.9


def cool_down_left(last: datetime | None, at: datetime, hours: float) -> timedelta:
    """Return for how long no training should begin after the last one.

    Examples
    --------
    >>> noon = datetime.fromisoformat("2026-11-25T12:00+00:00")
    >>> cool_down_left(noon - timedelta(hours=20), noon, 24)
    datetime.timedelta(seconds=14400)
    """
    return timedelta(0) if last is None else max(timedelta(0), last + timedelta(hours=hours) - at)


def too_few(counts: Mapping[str, int], params: RetrainParams, since: str) -> str | None:
    """Say what is missing of the labelled rows that a training needs; None if nothing is.

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
    """Say which feature of the champion is gone, or which column holds what cannot be learnt from."""
    known = {column.name for column in columns} | {"text"}
    if gone := [name for name in features if name not in known]:
        return f"The champion's features must still be columns of the model; {', '.join(gone)} is not."
    for column in columns:
        if column.kind == "numeric" and column.role == "feature" and np.isinf(rows[column.name]).any():
            return f"{column.name} must hold finite numbers; {int(np.isinf(rows[column.name]).sum()):,} are infinite."
    return None


def missing_shares(rows: pd.DataFrame, columns: Sequence[Column]) -> dict[str, float]:
    """Return the share of missing values of each feature."""
    return {c.name: float(rows[c.name].isna().mean()) for c in columns if c.role == "feature"}


def pipeline_fault(rows: pd.DataFrame, reference: Mapping[str, Sample], name: str) -> str | None:
    """Say which feature looks broken against a reference: missing values or never seen categories came in a burst."""
    for column, sample in reference.items():
        values = rows[column]
        before, after = _missing_share(sample), float(values.isna().mean())
        if after - before > MAX_MISSING_JUMP:
            grew = f"from {before:.1%} (reference {name}) to {after:.1%}"
            return f"Missing values of {column} went {grew}: mend the pipeline first, this is not drift."
        unseen = 0.0 if isinstance(sample, NumericSample) else _unseen_share(values.dropna(), sample)
        if unseen > MAX_UNSEEN:
            return f"{unseen:.1%} of {column} are values that the reference {name} never had: mend the pipeline first."
    return None


def duplicate_share(rows: pd.DataFrame, columns: Sequence[str]) -> float:
    """Return the share of rows that repeat an earlier one in these columns."""
    return float(rows.duplicated(list(columns)).mean()) if len(rows) else 0.0


def _missing_share(sample: Sample) -> float:
    values = np.isnan(sample.values) if isinstance(sample, NumericSample) else sample.codes < 0
    return float(values.mean()) if len(values) else 0.0


def _unseen_share(values: pd.Series, sample: CategoricalSample) -> float:
    # The categories of a sample are all that the column ever had; the counts say which the reference holds.
    seen = [name for name, n in zip(sample.categories, sample.counts(), strict=True) if n]
    return float((~values.isin(seen)).mean()) if seen and len(values) else 0.0

"""What a new champion is compared with later: the rows that it was accepted on, and its own answers to them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from drift.data.windows import Column
from drift.text.features import text_features
from retrain.models import artifacts
from retrain.models.champion import champion_version, judgeable
from retrain.models.fitted import FittedModel
from retrain.models.rows import MIN_HELD_OUT, split
from retrain.steps.context import Context
from storage.checking.frames import batch_from_frame
from storage.checking.rows import Batch
from storage.references.of_champion import MAX_ROWS

# A model's answers to rows that it was trained on are too good: they only fill up where far too few others are.
_AT_LEAST = 500


@dataclass(frozen=True)
class Accepted:
    """Rows with the challenger's answers, and how many of them it was not trained on."""

    rows: Batch
    n_held_out: int

    @property
    def n_trained_on(self) -> int:
        """How many rows it was trained on: its answers to them are optimistic."""
        return len(self.rows) - self.n_held_out


def accepted_rows(context: Context) -> Accepted:
    """Return the held-out rows of the comparison as the challenger answers them, in time order.

    Returns
    -------
    Accepted
        The monitored columns of the rows. Fewer than 200 are filled up with older rows to 500.

    Raises
    ------
    ChangedRows, RefusedArtifact
        If the rows or the model are no longer what they were.
    """
    rows, model_name, trained = context.rows(), context.job.model, context.trained
    older, held_out = split(rows, context.params.holdout_share)
    newest = judgeable(champion_version(context.log, model_name), held_out)
    if len(newest) < MIN_HELD_OUT:
        newest = rows.iloc[-_AT_LEAST:]
    newest = newest.iloc[-MAX_ROWS:]
    challenger = artifacts.load(context.artifacts, trained.uri, trained.sha256)
    columns = context.log.columns(model_name)
    answered = batch_from_frame(columns, _answered(challenger, newest, columns))
    return Accepted(answered, int((~newest.index.isin(older.index)).sum()))


def _answered(model: FittedModel, rows: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return the monitored columns of rows as they would be logged if the model had served them."""
    said = model.predict(rows)
    values: dict[str, Any] = {"prediction": said.labels, "score": said.scores}
    if "text" in model.columns:
        # Of the features of a text only this one depends on the model: on the words that it knows.
        texts = rows["text"].fillna("").tolist()
        values["oov_share"] = text_features(texts, model.vocabulary)["oov_share"]
    names = [column.name for column in columns]
    answered = rows.assign(**{name: column for name, column in values.items() if name in names})
    return answered[["predicted_at", *(name for name in names if name in answered)]]

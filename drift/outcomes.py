"""Right and wrong predictions in the order in which their labels arrived: the feed of what only labels can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np

from drift.concept import ACCURACY, LABEL
from drift.evidence import Watch
from drift.ledger import Buckets, FeedName, Mark
from drift.performance import right_or_wrong
from drift.samples import CategoricalSample
from drift.source import Source
from drift.windows import Window

Place = tuple[int, int]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Consecutive labelled rows in label order: row ids, when each label came (microseconds since 1970), and both."""

    ids: np.ndarray
    micros: np.ndarray
    prediction: CategoricalSample
    label: CategoricalSample


class LabelSource(Source, Protocol):
    """A log that knows when labels came.

    Label order is by the instant of the label, then by row; a place in it is (microseconds since 1970, row id).
    """

    def read_outcomes(self, model: str, reference: str, after: Place | None, n: int) -> Outcomes:
        """Return up to n labelled predictions that were made after a reference, those that follow a place."""

    def outcome_before(self, model: str, reference: str, place: Place, n: int) -> datetime:
        """Return when the label came that lies n labels before a place."""

    def read_delays(self, model: str, window: Window, limit: int) -> np.ndarray:
        """Return how many seconds labels took to come, for the newest `limit` labelled rows of a window."""


@dataclass(frozen=True, eq=False)
class LabelFeed:
    """The streams "accuracy" and "label" of one model since a reference; a mark's order is a label's rank."""

    source: LabelSource
    model: str
    reference: str
    name: FeedName = "labels"

    def buckets(self, watches: Mapping[str, Watch], after: Mark | None, n: int) -> Buckets:
        """Count the labels after a mark into the cells of each stream."""
        stride = min(watch.rule.stride for watch in watches.values())
        place = None if after is None else _place(after)
        found = self.source.read_outcomes(self.model, self.reference, place, n * stride)
        samples = {ACCURACY: right_or_wrong(found.prediction, found.label), LABEL: found.label}
        counts = {name: watch.cells.counts(samples[name], stride) for name, watch in watches.items()}
        ends = slice(stride - 1, None, stride)
        ids, micros = found.ids[ends], found.micros[ends]
        first = after.order if after else 0
        return Buckets(counts, first + stride * np.arange(1, ids.size + 1), ids, micros)

    def instant_before(self, mark: Mark, n_rows: int) -> datetime:
        """Return when the label came that lies so many labels before a mark."""
        return self.source.outcome_before(self.model, self.reference, _place(mark), n_rows)


def _place(mark: Mark) -> Place:
    return (mark.at - _EPOCH) // timedelta(microseconds=1), mark.row_id

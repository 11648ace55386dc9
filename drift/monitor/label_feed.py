"""Right and wrong predictions in the order in which their labels arrived: the feed of what only labels can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from drift.life.evidence import Watch
from drift.life.ledger import Buckets, FeedName, Mark
from drift.monitor.source import Labels, Place
from drift.performance.agreement import right_or_wrong
from drift.performance.concept import ACCURACY, LABEL

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class LabelFeed:
    """The streams "accuracy" and "label" of one model since a reference; a mark's order is a label's rank."""

    source: Labels
    model: str
    reference: str
    name: FeedName = "labels"

    def buckets(self, watches: Mapping[str, Watch], after: Mark | None, n: int) -> Buckets:
        """Count the labels after a mark into the cells of each stream.

        Returns
        -------
        Buckets
            Complete ones only, at most n; `orders` count labels since the reference.
        """
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

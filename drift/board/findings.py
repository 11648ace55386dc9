"""What one look at a window found, before anything is concluded: what a board holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from drift.columns.report import ColumnReport
from drift.data.policy import DriftPolicy
from drift.data.windows import WindowExtent
from drift.performance.report import PerformanceReport
from drift.wording import short

Rule = Literal["life", "one look"]
Guard = Literal["", "pipeline fault", "cool-down", "too few labels", "one class"]


@dataclass(frozen=True)
class UnderWay:
    """A retrain job of the model that has not ended; `waits` for a person to decide."""

    job: int
    requested_by: str
    waits: bool


@dataclass(frozen=True)
class Promotion:
    """A version that a retrain job brought, and since when it serves."""

    version: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What speaks against a retrain now, whatever the evidence; None is not known and does not count.

    Attributes
    ----------
    since_retrain : time since the last training
    cool_down : no second training within it
    labels : labelled rows of each class since the last training, the newest that a job would collect
    min_labels, min_class_labels : fewer rows, in all or of a class, teach nothing
    under_way : the job that has not ended
    promoted : the last retrain, where its version serves
    """

    since_retrain: timedelta | None = None
    cool_down: timedelta = timedelta(hours=24)
    labels: Mapping[str, int] | None = None
    min_labels: int = 500
    min_class_labels: int = 50
    under_way: UnderWay | None = None
    promoted: Promotion | None = None

    def hold(self) -> tuple[Guard, str] | None:
        """Return the guard that forbids a retrain now, and the reason in words.

        Examples
        --------
        >>> Guards(since_retrain=timedelta(hours=5)).hold()
        ('cool-down', 'the last training ended 5.0 hours ago and the cool-down is 24 hours')
        >>> Guards(labels={"good": 700}).hold()
        ('one class', "the newest 700 labels since the last training are all 'good'")
        """
        if self.since_retrain is not None and self.since_retrain < self.cool_down:
            ago, rest = (span / timedelta(hours=1) for span in (self.since_retrain, self.cool_down))
            return "cool-down", f"the last training ended {ago:.1f} hours ago and the cool-down is {rest:g} hours"
        if self.labels is None:
            return None
        present = {name: n for name, n in self.labels.items() if n}
        total = sum(present.values())
        if total < self.min_labels:
            return "too few labels", f"{total:,} of {self.min_labels:,} labelled rows have come since the last training"
        if len(present) == 1:
            return (
                "one class",
                f"the newest {total:,} labels since the last training are all {short(next(iter(present)))}",
            )
        rarest = min(present, key=lambda name: (present[name], name))
        if present[rarest] < self.min_class_labels:
            few = f"{present[rarest]:,} of {self.min_class_labels:,} labelled rows of class {short(rarest)}"
            return "too few labels", f"{few} have come since the last training"
        return None


class Findings(Protocol):
    """What a window came to, column by column and by its labels, and what else bears on what to do.

    `why_not` says why there was nothing to compare with; `performance` is None for a model without predictions or
    labels. `policy` is what the look was made by.
    """

    @property
    def n(self) -> int: ...

    @property
    def window(self) -> WindowExtent: ...

    @property
    def columns(self) -> Sequence[ColumnReport]: ...

    @property
    def rule(self) -> Rule: ...

    @property
    def policy(self) -> DriftPolicy: ...

    @property
    def performance(self) -> PerformanceReport | None: ...

    @property
    def why_not(self) -> str: ...

    @property
    def guards(self) -> Guards: ...

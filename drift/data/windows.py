"""What is compared: the columns of a model and the windows of its prediction log."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["numeric", "categorical"]
Role = Literal["feature", "prediction", "score", "label"]


@dataclass(frozen=True)
class Column:
    """One monitored column of a model."""

    name: str
    kind: Kind
    role: Role = "feature"


@dataclass(frozen=True)
class LastRows:
    """The newest `n` rows of the log, whatever time they span."""

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n must be at least 1; got {self.n}.")


@dataclass(frozen=True)
class TimeSpan:
    """The rows with `start <= predicted_at < end`, both with a zone."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name, instant in {"start": self.start, "end": self.end}.items():
            if instant.tzinfo is None:
                raise ValueError(f"{name} must carry a time zone, such as +00:00; got {instant!s}.")
        if self.start >= self.end:
            raise ValueError(f"start must be before end; got {self.start!s} and {self.end!s}.")


@dataclass(frozen=True)
class RowSpan:
    """The rows at positions `first <= position < last` of the log in time order."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.last:
            raise ValueError(f"first and last must be 0 <= first < last; got {self.first} and {self.last}.")


Window = LastRows | TimeSpan | RowSpan


@dataclass(frozen=True)
class WindowExtent:
    """What a window turned out to hold: its rows and the half-open time they span, in UTC."""

    n: int
    start: datetime | None
    end: datetime | None


def utc(instant: datetime) -> datetime:
    """Return the instant in UTC; a naive one is refused because its zone would be a guess."""
    if instant.tzinfo is None:
        raise ValueError(f"instant must carry a time zone, such as +00:00; got {instant!s}.")
    return instant.astimezone(UTC)

"""What the figures must reach, and whether they do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """One figure: `at_least` or at most so much; None where this run has not measured it."""

    name: str
    must_be: float
    at_least: bool
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the figure is reached."""
        if self.measured is None:
            return None
        return self.measured >= self.must_be if self.at_least else self.measured <= self.must_be


def targets(result: dict[str, Any]) -> list[Target]:
    """Return every target beside what a run has measured; rates and sizes are those of SQLite."""
    logs = {log["n_rows"]: log for log in result["logs"]}
    # On a small log the frozen reference weighs more than the rows: what is promised is promised from a million on.
    largest = logs[max(logs)] if max(logs) >= 1_000_000 else {}

    def figure(read: Callable[[], float]) -> float | None:
        try:
            return read()
        except KeyError:
            return None

    reading = [
        Target(
            "last 100k x 16: times faster than read_sql + SciPy", 15, True, figure(lambda: times(largest, "last_100k"))
        ),
        Target("timeline 100 x 16 at 1M: times faster", 300, True, figure(lambda: times(logs[1_000_000], "timeline"))),
        Target(
            "timeline at 10M: times its cost at 1M",
            1.5,
            False,
            figure(lambda: _warm(logs[10_000_000], "timeline") / _warm(logs[1_000_000], "timeline")),
        ),
    ]
    writing = [
        Target("single commits, rows a second", 4_000, True, figure(lambda: result["ingest"]["single"])),
        Target(
            "batches of 1,000, rows a second",
            100_000,
            True,
            figure(lambda: result["ingest"]["batches of 1,000 (frames)"]),
        ),
        Target("bytes a row", 260, False, figure(lambda: largest["bytes_per_row"])),
    ]
    return reading if result["machine"]["database"].startswith("postgresql") else reading + writing


def times(log: dict[str, Any], question: str) -> float:
    """Return how many times faster we are than pandas, both warm."""
    return log["questions"][question]["pandas"]["warm_s"] / _warm(log, question)


def _warm(log: dict[str, Any], question: str) -> float:
    seconds: float = log["questions"][question]["ours"]["warm_s"]
    return seconds

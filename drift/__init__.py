"""Statistics and decisions: arrays and counts in, frozen results out."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drift.board.advice import recommend
    from drift.board.result import Board
    from drift.data.policy import DriftPolicy
    from drift.data.windows import Column, LastRows, RowSpan, TimeSpan
    from drift.monitor.boards import check, timeline
    from drift.monitor.source import Source

__all__ = [
    "Board",
    "Column",
    "DriftPolicy",
    "LastRows",
    "RowSpan",
    "Source",
    "TimeSpan",
    "check",
    "recommend",
    "timeline",
]

_HOMES = {
    "Board": "drift.board.result",
    "Column": "drift.data.windows",
    "DriftPolicy": "drift.data.policy",
    "LastRows": "drift.data.windows",
    "RowSpan": "drift.data.windows",
    "Source": "drift.monitor.source",
    "TimeSpan": "drift.data.windows",
    "check": "drift.monitor.boards",
    "recommend": "drift.board.advice",
    "timeline": "drift.monitor.boards",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: every command starts with this module, and SciPy takes a while."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

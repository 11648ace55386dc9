"""All that asks a source: boards, timelines, the watch over a model's life."""

from drift.monitor.boards import check

__all__ = ["check"]

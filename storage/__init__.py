"""The prediction log: every table, every SQL statement, import and export."""

from storage.log import PredictionLog, open_log

__all__ = ["PredictionLog", "open_log"]

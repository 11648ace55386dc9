"""A promised import path: the names of `drift.data.windows` that outside users build windows and columns with."""

from drift.data.windows import Column, LastRows, RowSpan, TimeSpan

__all__ = ["Column", "LastRows", "RowSpan", "TimeSpan"]

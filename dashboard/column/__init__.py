"""The page Columns."""

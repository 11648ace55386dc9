"""The prediction log: every table, every SQL statement, import and export."""

"""When a job starts by itself."""

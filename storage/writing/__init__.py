"""Rows and labels into the log, each once."""

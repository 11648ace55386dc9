"""Processes that a page starts."""

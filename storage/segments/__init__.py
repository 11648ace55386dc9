"""Sealed rows and their counts."""

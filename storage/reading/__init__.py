"""Small questions to the log."""

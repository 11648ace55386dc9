"""The alarm's memory."""

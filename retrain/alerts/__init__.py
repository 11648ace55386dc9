"""From a board to a message."""

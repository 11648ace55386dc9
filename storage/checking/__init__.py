"""From what is handed in to typed columns; a bad cell is named."""

"""One column in many windows: by its values, by counts, and what is said of it."""

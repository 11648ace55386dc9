"""Statistics and decisions: arrays and counts in, frozen results out."""

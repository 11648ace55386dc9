"""What pages ask of the log, cached."""

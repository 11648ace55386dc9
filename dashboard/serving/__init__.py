"""A model answers requests; no page, no HTTP."""

"""Whether a model is good enough."""

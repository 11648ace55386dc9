"""Simulated data: scenarios with a known drift, and the demo."""

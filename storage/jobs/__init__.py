"""Retrain jobs, and what else runs: leases, schedules, triggers, workers."""

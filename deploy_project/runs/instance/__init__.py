"""Dagster's instance: its run history, and requests to the Dagster that runs on it."""

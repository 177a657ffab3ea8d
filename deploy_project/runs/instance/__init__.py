"""Dagster's instance: its runs, and asking the Dagster that runs on it to act."""

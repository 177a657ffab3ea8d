"""Runs: their values, their steps, retry, outcome, timing and files, and Dagster's instance."""

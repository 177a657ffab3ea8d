"""Dagster objects only: assets, jobs, schedules, sensors and checks."""

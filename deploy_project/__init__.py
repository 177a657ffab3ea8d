"""The deployment side of dbt Cloud as a Dagster code location."""

__version__ = "0.1.0"

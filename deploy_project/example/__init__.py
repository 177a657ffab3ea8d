"""The embedded example: a small shop's dbt project on DuckDB, with two environments."""

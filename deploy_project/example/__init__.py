"""The embedded project: a small shop on DuckDB, deployed twice."""

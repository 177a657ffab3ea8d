"""The processes that run dbt, where its program comes from, and the scrubbing of their text."""

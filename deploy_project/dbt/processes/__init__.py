"""The processes that run dbt: its installation, its child program, and scrubbing of secrets."""

"""Released clients of dbt Cloud, run against a front: `python -m tests.clients`."""

"""The one read of runs: Dagster's records, the facts of ended runs, and an index of both."""

"""The value that all routes share: the configuration, the runs, and the way to Dagster."""

"""The execution of a run's steps: their actions, logs, records and deferral."""

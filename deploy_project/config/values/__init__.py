"""The configuration as values: deployment, environments, jobs, commands and variables."""

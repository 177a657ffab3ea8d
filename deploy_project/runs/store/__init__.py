"""The files of runs: artifacts, logs, scratch space."""

"""A manifest's nodes in Dagster's words: facts, names and keys; pure."""

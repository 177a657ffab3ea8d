"""A run and its parts as values: tags, status, plan, step, code."""

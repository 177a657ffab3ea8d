"""The outcome of a run: its steps' records, its overview, its end."""

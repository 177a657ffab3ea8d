"""Processes of other programs: running and ending them, deadlines, signals, and locks."""

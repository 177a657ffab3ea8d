"""Processes that tests start, look at and end."""

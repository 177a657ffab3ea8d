"""Callers of the API, and the fields of its answers."""

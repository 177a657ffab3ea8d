"""Carrying out the steps of a run."""

"""Retry from failure: whether it is possible, and the work that is left."""

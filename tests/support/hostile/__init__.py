"""Hostile pull requests: what each does, and the deployment that must not mind."""

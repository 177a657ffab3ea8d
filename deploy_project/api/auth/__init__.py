"""Tokens and their permissions (DESIGN 19)."""

"""Servers of other people, on loopback."""

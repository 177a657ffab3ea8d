"""Runs that have ended before a test begins."""

"""Runs that somebody asks for: command line, sensors, schedules, retries, each by this door."""

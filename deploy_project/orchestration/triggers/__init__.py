"""Schedules and sensors that start runs, and the sensor that records killed runs."""

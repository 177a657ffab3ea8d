"""Schedules and sensors: the triggers of runs, and the sensor that looks after the dead."""

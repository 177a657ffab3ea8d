"""What happened: steps, summary, timing, artifacts and the run record."""

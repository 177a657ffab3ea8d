"""Model timing (RUN-7) in numbers and pictures."""

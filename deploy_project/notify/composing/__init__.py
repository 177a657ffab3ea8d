"""Messages on runs, composed from their facts; pure."""

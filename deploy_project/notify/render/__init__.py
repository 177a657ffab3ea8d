"""One rendering of a message for each medium; pure. Every text is hostile."""

"""Messages on the ends of runs: rules, renderings and delivery (DESIGN 20, NOT-1 to NOT-4)."""

"""Pull requests: their runs, schemas, lint, comparison, comments and clean-up."""

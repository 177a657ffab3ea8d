"""Clean-up of the schemas that pull requests have left (CI-4)."""

"""The step that compares a pull request's data with production's (CI-16, CI-17)."""

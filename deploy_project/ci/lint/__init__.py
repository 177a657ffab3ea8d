"""The step that lints a pull request's SQL (CI-15)."""

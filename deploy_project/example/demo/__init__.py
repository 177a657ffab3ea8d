"""The demonstrations: a production run, and a pull request from opening to clean-up."""

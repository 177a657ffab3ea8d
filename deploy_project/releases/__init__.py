"""Releases: a commit made ready for dbt (copy, packages, parse), and the deployed pointer."""

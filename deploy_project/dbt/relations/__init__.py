"""Macros of ours in a warehouse, through dbt's adapter: compare, select rows, drop schemas."""

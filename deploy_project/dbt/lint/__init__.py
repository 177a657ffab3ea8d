"""SQLFluff, which lints the SQL of a dbt project."""

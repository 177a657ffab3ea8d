"""Version 2 of dbt Cloud's Admin API."""

"""The objects of dbt Cloud's API, made of ours; pure."""

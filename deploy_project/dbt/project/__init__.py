"""The files of a dbt project and its profile, as far as we read them ourselves."""

"""The processes of Dagster that run our jobs, and the storage they write to."""

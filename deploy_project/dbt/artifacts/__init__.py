"""The artifacts and events that dbt leaves behind, as typed values."""

"""Relations of a warehouse, asked of dbt's own adapter by macros of ours."""

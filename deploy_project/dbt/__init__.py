"""dbt as a tool: argument lists, processes, events, profiles and artifacts."""

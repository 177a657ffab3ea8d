"""The docs server, a process of its own: docs of every environment. It never imports Dagster."""

"""The second process: docs of every environment over HTTP. It never imports Dagster."""

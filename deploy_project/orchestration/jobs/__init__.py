"""Dagster jobs of deployment jobs: their steps, first to last, and materializing by hand."""

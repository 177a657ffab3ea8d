"""Deployments for tests: repositories, files, sites."""

"""Notifications that were made over the API, as rules and channels beside those of deploy.yaml."""

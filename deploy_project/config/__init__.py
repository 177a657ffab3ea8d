"""The configuration: deploy.yaml and the jobs files, read, checked and resolved."""

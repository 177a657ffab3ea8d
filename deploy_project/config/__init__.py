"""What is wanted: deploy.yaml and jobs.yml, read, checked and resolved."""

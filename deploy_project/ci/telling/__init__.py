"""The facts that comments and commit statuses of pull requests tell, and their posting."""

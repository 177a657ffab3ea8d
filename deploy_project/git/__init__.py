"""Git: the mirror of each repository, its branches and pull requests, a checkout per commit."""

"""The repository: mirror, fetch, resolve, and one immutable checkout per commit."""

"""Messages of hosting sites on news of a repository: they ring the bell, and decide nothing."""

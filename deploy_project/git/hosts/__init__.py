"""The APIs of GitHub, GitLab and Gitea: pull requests, commit statuses and comments."""

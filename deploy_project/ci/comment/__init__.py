"""The comment on a pull request, in Markdown; pure."""

"""The open pull requests: where they are found, what is remembered of them, what is to be done."""

"""Checks the commits that are named on the command line; pure."""

from deploy_project.errors import ConfigError
from deploy_project.git.mirror import is_full


def full_commit(text: str) -> str:
    """Return the commit id `text` in lower case; raise `ConfigError` when it is not a full one."""
    commit = text.strip().lower()
    if not is_full(commit):
        raise ConfigError(
            f"{text!r} is not a full commit id, which has 40 digits of 0-9 and a-f; "
            f"`git rev-parse {text}` in a clone tells it"
        )
    return commit

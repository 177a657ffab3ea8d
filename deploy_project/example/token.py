"""The token of the example's API: `deploy-project dev` makes it, and takes it on loopback alone."""

import os
from pathlib import Path

from deploy_project.cli.commands.front.token import new_token
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.tokens import Token, digest

NAME = "example"


def token_file(state: StateDirectory) -> Path:
    """Return the file with the text of the token, which its owner alone may read."""
    return state.root / "example" / "token"


def example_token(state: StateDirectory) -> Token:
    """Return the token, made unless it is there."""
    file = token_file(state)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        pass
    else:
        with open(descriptor, "w", encoding="ascii") as writing:
            writing.write(new_token() + "\n")
    text = file.read_text(encoding="ascii").strip()
    return Token(NAME, digest(text), frozenset({"account_admin"}))

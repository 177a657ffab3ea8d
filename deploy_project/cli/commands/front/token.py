"""`deploy-project token create`: makes a token of the API, and its lines for deploy.yaml."""

import json
import re
import secrets
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

from deploy_project.config.files.model import LONGEST_NAME, NAME
from deploy_project.config.values.tokens import digest
from deploy_project.errors import ConfigError

PREFIX = "dpt_"
"""The first letters of each token, for programs that look for secrets in texts."""
_BYTES = 32


def create(
    name: str,
    *,
    permissions: Sequence[str],
    projects: Sequence[str],
    environments: Sequence[str],
    expires: datetime | None,
) -> int:
    """Print a new token on standard output, and on standard error the lines for deploy.yaml.

    The token is the only line of standard output, and is kept nowhere.
    """
    _refuse(name, expires)
    token = f"{PREFIX}{secrets.token_urlsafe(_BYTES)}"
    entry = {
        "sha256": digest(token),
        "permissions": list(dict.fromkeys(permissions)),
        "projects": list(projects),
        "environments": list(environments),
        "expires": "" if expires is None else expires.astimezone(UTC).isoformat(),
    }
    lines = [f"    {key}: {json.dumps(value)}" for key, value in entry.items() if value]
    told = ["Lines for deploy.yaml; `serve` takes them within seconds:", "", "tokens:"]
    told += [f"  {name}:", *lines, "", "The token, which is not shown again:"]
    print("\n".join(told), file=sys.stderr, flush=True)
    print(token)
    return 0


def _refuse(name: str, expires: datetime | None) -> None:
    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"{name!r} can't be the name of a token: use A-Z a-z 0-9 _ and -, at most "
            f"{LONGEST_NAME} of them"
        )
    if expires is not None and expires <= datetime.now(UTC):
        raise ConfigError(f"--expires {expires.isoformat()} has passed; give a time to come")


def act(given: Namespace) -> int:
    """Carry out `token create` as it was given on the command line; return the exit code."""
    return create(
        given.name,
        permissions=given.permission,
        projects=given.project,
        environments=given.environment,
        expires=given.expires,
    )

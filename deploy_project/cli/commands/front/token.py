"""`deploy-project token`: makes a token of the API with its lines for deploy.yaml, or lists all."""

import json
import re
import secrets
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime

from deploy_project.cli.context import loaded
from deploy_project.cli.table import table
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
    token = new_token()
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


def new_token() -> str:
    """Return the text of a new token, which nobody can guess."""
    return f"{PREFIX}{secrets.token_urlsafe(_BYTES)}"


def _refuse(name: str, expires: datetime | None) -> None:
    if not re.fullmatch(NAME, name) or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"{name!r} can't be the name of a token: use A-Z a-z 0-9 _ and -, at most "
            f"{LONGEST_NAME} of them"
        )
    if expires is not None and expires <= datetime.now(UTC):
        raise ConfigError(f"--expires {expires.isoformat()} has passed; give a time to come")


def show() -> int:
    """Print the tokens of deploy.yaml, with their permissions, end and last use."""
    from deploy_project.api.auth.last_use import last_uses

    found, deployment = loaded()
    if not deployment.tokens:
        print("No tokens. `deploy-project token create NAME --permission job_runner` makes one.")
        return 0
    used, now = last_uses(found.state), datetime.now(UTC)
    rows = [
        [
            each.name,
            ", ".join(sorted(each.permissions)),
            ", ".join(each.projects),
            ", ".join(each.environments),
            _end(each.expires, now),
            _moment(used[each.name]) if each.name in used else "never",
        ]
        for each in deployment.tokens.values()
    ]
    print(table(["token", "permissions", "projects", "environments", "expires", "last used"], rows))
    return 0


def _end(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return ""
    return _moment(expires) + (" (has expired)" if expires <= now else "")


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def act(given: Namespace) -> int:
    """Carry out `token` as it was given on the command line; return the exit code."""
    if given.what == "list":
        return show()
    return create(
        given.name,
        permissions=given.permission,
        projects=given.project,
        environments=given.environment,
        expires=given.expires,
    )

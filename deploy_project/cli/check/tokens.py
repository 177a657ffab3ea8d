"""`deploy-project check`: finds tokens that have expired, or are good for nothing that there is."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase

from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token


def doubtful_tokens(deployment: Deployment, *, now: datetime) -> list[str]:
    """Return a line for each glob of a token that matches no name, and each expired token."""
    return [
        f"{token.place}: tokens.{token.name}{line}"
        for token in deployment.tokens.values()
        for line in _doubts(token, deployment, now=now)
    ]


def _doubts(token: Token, deployment: Deployment, *, now: datetime) -> Iterator[str]:
    for key, globs, names in (
        ("projects", token.projects, deployment.projects),
        ("environments", token.environments, deployment.environments),
    ):
        for glob in globs:
            if not _matches(glob, names):
                known = ", ".join(map(repr, names)) or "none"
                yield f".{key}: {glob!r} matches none; known: {known}"
    if token.expires is not None and token.expires <= now:
        yield f": has expired at {token.expires:%Y-%m-%d %H:%M} UTC; remove it, or make a new one"


def _matches(glob: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in names)

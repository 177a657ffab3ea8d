"""Credentials of a project's remote: git's credential helper, and remedies for refused logins."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deploy_project.config.environment import inherited, reveal
from deploy_project.config.values.deployment import Project
from deploy_project.errors import ConfigError, GitError
from deploy_project.git.command import TOKEN, git
from deploy_project.processes.sessions import SILENCE_SECONDS

_USERNAME = "DEPLOY_GIT_USERNAME"
# The shell's own printf: the token is in no process's arguments.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    f'"${_USERNAME}" "${TOKEN}"; }}; f'
)

_UNREACHABLE = (
    "does not appear to be a git repository",
    "unable to access",
    "unable to connect",
    "Could not resolve",
    "Connection refused",
    "Connection timed out",
    "to hear anything",
    "to end within",
    "not found",
)


def environment(project: Project) -> dict[str, str]:
    """Return the environment variables that let git log in to the project's remote.

    With a token and an `http(s)` remote they configure a credential helper for that host and no
    other, so that a submodule elsewhere never sees the token; the helper reads it from a
    variable. In every other case the user's own keys, agent and helpers apply, untouched.
    """
    url = urlsplit(project.repository)
    if project.token is None or url.scheme not in ("http", "https"):
        return {}
    token = reveal(project.token, wanted_by=f"token of project {project.name!r}")
    secret = token.get_secret_value()
    if any(ord(letter) < 32 for letter in secret + project.username):
        raise ConfigError(
            f"token of project {project.name!r}: {project.token} or `username` contains a line "
            "break or another control character; store the token alone"
        )
    key = f"credential.{url.scheme}://{url.netloc.rpartition('@')[2]}.helper"
    # The empty entry comes first: it makes git forget the user's helpers for this host.
    return configuration((key, ""), (key, _HELPER)) | {_USERNAME: project.username, TOKEN: secret}


def git_for(
    project: Project,
    *arguments: str,
    cwd: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return the output of git, run with the project's credentials; errors name the remedy."""
    variables = environment(project) | dict(env or {})
    try:
        return git(*arguments, cwd=cwd, env=variables, timeout=timeout, silence=SILENCE_SECONDS)
    except GitError as error:
        raise GitError(f"project {project.name!r}: {error}{_remedy(project, str(error))}") from None


def nobody() -> dict[str, str]:
    """Return the environment variables that keep git from logging in anywhere."""
    return {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ASKPASS": "true",
        "SSH_AUTH_SOCK": "",
        "GIT_SSH_COMMAND": (
            "ssh -F none -o BatchMode=yes -o IdentityAgent=none -o IdentitiesOnly=yes "
            f"-o IdentityFile={os.devnull} -o PreferredAuthentications=none"
        ),
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": os.devnull,  # where a .netrc would be
    }


def configuration(*entries: tuple[str, str]) -> dict[str, str]:
    """Return variables that add configuration `entries` to those the user's variables hold."""
    count = inherited().get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    variables = {"GIT_CONFIG_COUNT": str(first + len(entries))}
    for number, (key, value) in enumerate(entries, start=first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _remedy(project: Project, said: str) -> str:
    if "could not read Username" in said or "could not read Password" in said:
        return f"\nThe remote wants a login; set `token:` of project {project.name!r}."
    if "Authentication failed" in said and project.token is not None:
        return (
            f"\nThe remote did not accept the token in {project.token}; check that it has not "
            "expired, may read this repository, and belongs to `username:`."
        )
    if "Permission denied (publickey" in said or "Host key verification failed" in said:
        return "\nCheck the ssh key and known_hosts of the user that runs Dagster."
    if "error: 407" in said or "CONNECT tunnel failed, response 407" in said:
        return (
            "\nA proxy wants a login; put it into `https_proxy` of Dagster's processes, as "
            "http://user:password@host:port, or name the remote's host in `no_proxy`."
        )
    if "error: 511" in said:
        return "\nThis network wants a login before it lets anybody out; log in at its own page."
    if any(words in said for words in _UNREACHABLE):
        return (
            f"\nCheck `repository:` of project {project.name!r}, and that this machine reaches it."
        )
    return ""

"""The only door to git: one command, its environment, its timeouts and its errors."""

import re
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

from deploy_project.config.environment import inherited
from deploy_project.errors import GitError
from deploy_project.processes import programs
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.programs import CompletedProgram, Hear, Silence
from deploy_project.processes.sessions import SILENCE_SECONDS

TOKEN = "DEPLOY_GIT_TOKEN"  # noqa: S105 - the name of a variable
"""The variable of a git process that holds the token; its value never appears in an error."""

_REDIRECTS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_CONFIG",
)
# A transport helper such as `ext::` would run a program.
_PROTOCOLS = "file:git:http:https:ssh"
_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_KEEP_ALIVE = 4
_SSH = (
    "ssh -o BatchMode=yes"
    f" -o ConnectTimeout={SILENCE_SECONDS}"
    f" -o ServerAliveInterval={SILENCE_SECONDS // _KEEP_ALIVE}"
    f" -o ServerAliveCountMax={_KEEP_ALIVE}"
)
# The progress of git and the remote, asked for as a sign of life.
_PROGRESS = re.compile(r"(remote: )?(\w+ )+(objects|deltas|files): .*|remote: Total \d+ .*")


def git(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    silence: float | None = None,
) -> str:
    """Run one git command and return its output, without the last newline.

    `env` is added to the variables of the process, `timeout` is in seconds; so is `silence`, after
    which git is given up when it has heard nothing. It ends at the deadline, too. git never looks
    for a repository above `cwd`. Values from outside belong behind a `--`. Raises `GitError` with
    git's own words when git fails, is not there, or has not finished in time.
    """
    return answer(*arguments, cwd=cwd, env=env, timeout=timeout, silence=silence)[1]


def answer(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    silence: float | None = None,
    expected: Collection[int] = (),
) -> tuple[int, str]:
    """Run a command as `git` does, and return the exit code too; those `expected` raise nothing."""
    variables = _variables(cwd) | dict(env or {})
    if "GIT_SSH_COMMAND" not in variables and not _ssh_is_configured(cwd, variables):
        variables["GIT_SSH_COMMAND"] = _SSH
    listened = Silence("git", silence) if silence is not None else None
    ended = _run(arguments, cwd=cwd, variables=variables, timeout=timeout, silence=listened)
    if ended.code != 0 and ended.code not in expected:
        said = _said(ended.messages) or "no message"
        raise _failure(arguments, cwd, f"(exit {ended.code}): {said}", variables)
    return ended.code, _text(ended.output)


def listen(*arguments: str, cwd: Path, hear: Hear, timeout: float = 600) -> None:
    """Run a command that reaches no remote, as `git` does, and have `hear` get its output.

    git is ended when that returns False. Raises `GitError` when git fails before.
    """
    variables, has_enough = _variables(cwd), False

    def until_enough(part: bytes) -> bool:
        nonlocal has_enough
        has_enough = not hear(part)
        return not has_enough

    ended = _run(arguments, cwd=cwd, variables=variables, timeout=timeout, hear=until_enough)
    if ended.code != 0 and not has_enough:
        said = _said(ended.messages) or "no message"
        raise _failure(arguments, cwd, f"(exit {ended.code}): {said}", variables)


def without_credentials(text: str) -> str:
    """Return `text` with the user and password of every URL in it left out."""
    return _USERINFO.sub("", text)


def protocols() -> list[str]:
    """Return the protocols git may fetch over: the user's choice, else all that run no program."""
    return inherited().get("GIT_ALLOW_PROTOCOL", _PROTOCOLS).split(":")


def _variables(cwd: Path) -> dict[str, str]:
    variables = {k: v for k, v in inherited().items() if k not in _REDIRECTS}
    return variables | {
        "GIT_ALLOW_PROTOCOL": ":".join(protocols()),
        "GIT_TERMINAL_PROMPT": "0",  # ask nobody: a daemon has no terminal
        "GIT_TRACE_REDACT": "1",
        # git knows by itself, too: it may have lost us.
        "GIT_HTTP_LOW_SPEED_LIMIT": "1",
        "GIT_HTTP_LOW_SPEED_TIME": str(SILENCE_SECONDS),
        # A damaged repository must never make git work on the user's own one around it.
        "GIT_CEILING_DIRECTORIES": str(cwd.parent),
        "LC_ALL": "C",
    }


def _ssh_is_configured(cwd: Path, variables: Mapping[str, str]) -> bool:
    """Return whether the user has chosen an ssh command, which our variable would override."""
    if "GIT_SSH" in variables:
        return True
    query = ("config", "--get", "core.sshCommand")
    return _run(query, cwd=cwd, variables=variables, timeout=30).code == 0


def _run(
    arguments: tuple[str, ...],
    *,
    cwd: Path,
    variables: Mapping[str, str],
    timeout: float,
    silence: Silence | None = None,
    hear: Hear | None = None,
) -> CompletedProgram:
    """Run git to its end; raise `GitError` when it can't be started, or had to be stopped."""
    command = ("git", *arguments)
    try:
        return programs.run(
            command, cwd=cwd, env=variables, seconds=timeout, silence=silence, hear=hear
        )
    except Stopped as stopped:
        words = f"{stopped}: {_said(stopped.messages)}"
        raise _failure(arguments, cwd, words, variables) from None
    except FileNotFoundError:
        if cwd.is_dir():
            raise GitError(
                f"git was not found on PATH ({variables.get('PATH', '')!r}); "
                "install git 2.31 or newer where Dagster's processes run"
            ) from None
        raise GitError(f"git can't run in {str(cwd)!r}: there is no such directory") from None
    except (OSError, ValueError) as error:  # ValueError: NUL, or half of a surrogate pair
        raise _failure(arguments, cwd, f"to start: {error}", variables) from error


def _failure(
    arguments: tuple[str, ...], cwd: Path, outcome: str, variables: Mapping[str, str]
) -> GitError:
    report = f"`git {shlex.join(arguments)}` in {cwd} failed {outcome}".rstrip(": \n")
    token = variables.get(TOKEN)
    report = without_credentials(report.replace(token, "***") if token else report)
    return GitError(report.encode("utf-8", "backslashreplace").decode("utf-8"))


def _said(messages: bytes) -> str:
    """Return git's messages without progress, each line as a terminal would show it in the end."""
    lines = (line.rpartition("\r")[2].rstrip() for line in _text(messages).strip().split("\n"))
    return "\n".join(line for line in lines if not _PROGRESS.fullmatch(line))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", errors="replace").removesuffix("\n")

"""The submodules of a checkout: fetched level by level, each counted before it is written."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.command import git, protocols
from deploy_project.git.credentials import git_for, nobody
from deploy_project.git.extraction.room import Room
from deploy_project.git.mirror import FETCH_TIMEOUT

# The files of a commit are the same for everybody, whatever the user's own git does with them.
_PLAIN = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"),
    *("-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false"),  # no process that outlives its git
)


CHECK_OUT = (*_PLAIN, "checkout", "--quiet", "--detach", "--force")
"""The words that write the files of the commit after them."""
# What `git submodule update` runs in place of a checkout, once it has fetched.
_NO_CHECKOUT = "!true"
_KEYS = r"^submodule\..*\.(path|url|update)$"


class _Git(Protocol):
    def __call__(self, *arguments: str, cwd: Path) -> str: ...


def add_submodules(
    project: Project, tree: Path, commits: Mapping[str, str], *, room: Room, trusted: str | None
) -> None:
    """Fill the submodules of `tree`, their `commits` given by path, and those inside of them.

    `trusted` is the commit that a stranger's one is measured by. Raises `GitError` when one can't
    be fetched, or has no room.
    """
    url = project.repository
    local = url.startswith(("/", "file:"))
    # An author of .gitmodules must not read other repositories of this machine.
    allowed = [name for name in protocols() if local or name != "file"]
    git("config", "remote.origin.url", url, cwd=tree)  # the base of relative URLs
    env = {"GIT_ALLOW_PROTOCOL": ":".join(allowed)}
    logged_in = partial(git_for, project, timeout=FETCH_TIMEOUT, env=env)
    scratch = tree / ".git" / "submodule-updates"
    if trusted is None:
        _fill(tree, commits, room=room, run=logged_in, scratch=scratch)
        return
    known = set(_addresses(_named(tree, "--blob", f"{trusted}:.gitmodules")).values())
    named = _addresses(_named(tree, "--file", ".gitmodules"))
    paths = [path for path, url in named.items() if url in known]
    if paths:
        own = {path: commit for path, commit in commits.items() if path in paths}
        _fill(tree, own, room=room, run=logged_in, scratch=scratch, paths=paths)
    if len(paths) < len(named):
        others = {path: commit for path, commit in commits.items() if path not in paths}
        as_nobody = partial(git, timeout=FETCH_TIMEOUT, env={**env, **nobody()})
        _fill(tree, others, room=room, run=as_nobody, scratch=scratch)


def _fill(
    tree: Path,
    commits: Mapping[str, str],
    *,
    room: Room,
    run: _Git,
    scratch: Path,
    paths: Collection[str] = (),
) -> None:
    """Fetch the submodules at `paths`, all of them without any, and check `commits` out."""
    names = _named(tree, "--file", ".gitmodules")
    scratch.write_text("".join(map(_update, names, names.values())), "utf-8", "surrogateescape")
    words = ("-c", f"include.path={scratch}", "submodule", "--quiet", "update", "--progress")
    run(*_PLAIN, *words, "--init", *(("--", *paths) if paths else ()), cwd=tree)
    for path, commit in commits.items():
        inside = tree / path
        if (inside / ".git").is_file():
            deeper = room.take(inside, commit)
            run(*CHECK_OUT, commit, cwd=inside)
            if (inside / ".gitmodules").is_file():
                _fill(inside, deeper, room=room, run=run, scratch=scratch)


def _update(name: str, keys: Mapping[str, str]) -> str:
    """Return configuration that has the submodule `name` fetched alone, or left out if it says so.

    `git submodule update` itself would write its files uncounted.
    """
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    value = "none" if keys.get("update") == "none" else _NO_CHECKOUT
    return f'[submodule "{quoted}"]\n\tupdate = "{value}"\n'


def _named(tree: Path, *source: str) -> dict[str, dict[str, str]]:
    """Return the keys of each submodule that a `.gitmodules` names."""
    found: dict[str, dict[str, str]] = {}
    try:
        answer = git("config", "-z", *source, "--get-regexp", _KEYS, cwd=tree)
    except GitError:  # it has none
        return {}
    for entry in filter(None, answer.split("\0")):
        key, _, value = entry.partition("\n")
        name, _, what = key.removeprefix("submodule.").rpartition(".")
        found.setdefault(name, {})[what] = value
    return found


def _addresses(named: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the address of each submodule by its path."""
    return {each["path"]: each["url"] for each in named.values() if {"path", "url"} <= each.keys()}

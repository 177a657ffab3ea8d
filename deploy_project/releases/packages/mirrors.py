"""Mirrors of the git repositories that packages come from: a stranger's dbt reads them, not ours.

So git's credentials are used here, for addresses that trusted code names, and never in a process
of a pull request.
"""

import hashlib
from pathlib import Path

from deploy_project.git.command import git
from deploy_project.git.credentials import configuration
from deploy_project.git.mirror import FETCH_TIMEOUT
from deploy_project.processes.lock_files import exclusive
from deploy_project.processes.sessions import SILENCE_SECONDS

_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def mirrored(url: str, directory: Path) -> Path:
    """Return the mirror of the repository at `url` below `directory`, as it is there now.

    Raises `GitError` with git's own words.
    """
    place = directory / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.git"
    directory.mkdir(parents=True, exist_ok=True)
    with exclusive(place.with_suffix(".lock"), purpose="fetch a package"):
        if not (place / "HEAD").is_file():
            place.mkdir(exist_ok=True)
            git("init", "--quiet", "--bare", "--template=", cwd=place)
            git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=place)
        # In a variable: a password in the address would be in the list of processes.
        env = configuration(("remote.package.url", url))
        words = ("fetch", "--quiet", "--progress", "--prune", "--force", "package", *_REFSPECS)
        git(*words, cwd=place, env=env, timeout=FETCH_TIMEOUT, silence=SILENCE_SECONDS)
        _set_head(place, env)
    return place


def _set_head(place: Path, env: dict[str, str]) -> None:
    """Have HEAD name the remote's default branch: a package without a revision is that."""
    words = ("ls-remote", "--symref", "package", "HEAD")
    said = git(*words, cwd=place, env=env, timeout=FETCH_TIMEOUT)
    name = said.partition("\t")[0].removeprefix("ref: ")
    if name.startswith("refs/heads/"):
        git("symbolic-ref", "HEAD", name, cwd=place)

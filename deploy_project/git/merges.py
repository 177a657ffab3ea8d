"""Merge commits, made in the mirror without a work tree: the same parents, the same commit."""

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import ConflictError, GitError
from deploy_project.git.command import answer, git
from deploy_project.git.mirror import ensure_commit, full

_SHOWN = 20
_CONFLICT, _USAGE = 1, 129
_MOMENT = "946684800 +0000"
_IDENTITY = {
    "GIT_AUTHOR_NAME": "deploy-project",
    "GIT_AUTHOR_EMAIL": "deploy-project@localhost",
    "GIT_AUTHOR_DATE": _MOMENT,
    "GIT_COMMITTER_NAME": "deploy-project",
    "GIT_COMMITTER_EMAIL": "deploy-project@localhost",
    "GIT_COMMITTER_DATE": _MOMENT,
}


def merged(project: Project, state: StateDirectory, *, base: str, head: str) -> str:
    """Return a commit with the changes of `head` merged into `base`, both full commits.

    It is in the mirror, where no reference holds it: made again from the same two, it is the same.
    Safe to call from many processes at once. Raises `ConflictError` when they don't go together,
    else `GitError`.
    """
    ensure_commit(project, state, full(base))
    mirror = ensure_commit(project, state, full(head))
    words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, head)
    code, printed = answer("--git-dir=.", *words, cwd=mirror, expected=(_CONFLICT, _USAGE))
    tree, *files = printed.split("\0")
    if code == _USAGE:
        found = git("version", cwd=mirror)
        raise GitError(
            f"merging with the base branch needs git 2.38 or newer, and this is {found}; install a "
            f"newer one, or set `pull_requests.build: head` of project {project.name!r}"
        )
    if code == _CONFLICT:
        raise ConflictError(_conflict(sorted({*filter(None, files)}), base=base, head=head))
    message = f"Merge {head} into {base}"
    words = ("commit-tree", "--no-gpg-sign", tree, "-p", base, "-p", head, "-m", message)
    return git("--git-dir=.", "-c", "i18n.commitEncoding=UTF-8", *words, cwd=mirror, env=_IDENTITY)


def _conflict(files: list[str], *, base: str, head: str) -> str:
    named = ", ".join(map(repr, files[:_SHOWN])) or "none that git names"
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return (
        f"commit {head[:12]} can't be merged with its base, commit {base[:12]}: both have changed "
        f"{named}{more}; merge the base branch into this one, or rebase it, and push"
    )

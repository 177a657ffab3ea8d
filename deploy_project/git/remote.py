"""The commits of the remote's branches and tags, as `git ls-remote` lists them now."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.files.locations import is_reference
from deploy_project.config.values.deployment import Environment, Project
from deploy_project.errors import GitError, RemoteError
from deploy_project.git.command import without_credentials
from deploy_project.git.credentials import git_for
from deploy_project.git.pages import refuse_page

_TIMEOUT = 45  # seconds; a sensor tick ends after 60
_SHOWN = 20
_PEELED = "^{}"
# No repository around the working directory of this process has a say.
_NOWHERE = Path("/")


@dataclass(frozen=True)
class Head:
    """The head of an environment's reference: a full commit, and the short name of its branch."""

    commit: str
    branch: str
    """The branch or tag; for a default branch that the remote does not name, `HEAD`."""


def heads(project: Project, refs: Collection[str]) -> dict[str, str]:
    """Return the commits of those `refs` that exist on the remote, in one request.

    `refs` are full names: `refs/heads/…`, `refs/tags/…` or `HEAD`. An annotated tag counts as the
    commit that it names.
    """
    if not refs:
        return {}
    found = _list(project, *refs, *(ref + _PEELED for ref in refs if ref.startswith("refs/tags/")))
    return {ref: found.get(ref + _PEELED, found[ref]) for ref in refs if ref in found}


def matching(project: Project, patterns: Collection[str]) -> dict[str, str]:
    """Return the commits of all references that one of `patterns` matches, in one request.

    A `*` stands for anything, `/` too. Raises `RemoteError` when the remote can't be asked.
    """
    found = _list(project, *sorted(patterns))
    return {
        ref: commit
        for ref, commit in found.items()
        if any(_fits(ref, pattern) for pattern in patterns)
    }


def _fits(ref: str, pattern: str) -> bool:
    """Return whether `pattern` matches the whole reference; to git it may be the end of one."""
    before, star, after = pattern.partition("*")
    if not star:
        return ref == pattern
    fits = ref.startswith(before) and ref.endswith(after)
    return fits and len(ref) > len(before) + len(after)


def head(environment: Environment) -> Head:
    """Return the commit that `environment` deploys now.

    Raises `RemoteError` when the remote can't be asked, else `GitError` if it has no such branch.
    """
    project, ref = environment.project, environment.ref
    if ref == "HEAD":
        found = _list(project, ref, options=("--symref",))
        branch = found.get("ref: HEAD", "HEAD").removeprefix("refs/heads/")
    else:
        found = heads(project, [ref])
        branch = ref.split("/", 2)[2]
    if ref not in found:
        raise _missing(environment)
    return Head(commit=found[ref], branch=branch)


def branch_head(project: Project, branch: str) -> Head:
    """Return the commit that a branch of `project` is at now.

    Raises `RemoteError` when the remote can't be asked, else `GitError` if it has no such branch.
    """
    if not is_reference(branch):
        raise GitError(
            f"branch {branch[:80]!r} is a name that git refuses; write it as `git branch` lists it"
        )
    ref = f"refs/heads/{branch}"
    found = heads(project, [ref])
    if ref not in found:
        raise GitError(
            f"branch {branch!r} does not exist on the remote of project {project.name!r}; push it, "
            "or name another"
        )
    return Head(found[ref], branch)


def _list(project: Project, *refs: str, options: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the output of `git ls-remote` by reference; a symbolic one under `ref: <name>`."""
    arguments = ("ls-remote", *options, "--", project.repository, *refs)
    try:
        printed = git_for(project, *arguments, cwd=_NOWHERE, timeout=_TIMEOUT)
    except GitError as error:
        refuse_page(project, error)
        raise RemoteError(str(error)) from None
    if not printed:
        refuse_page(project)
    found: dict[str, str] = {}
    for line in filter(None, printed.split("\n")):
        value, _, name = line.partition("\t")
        found[f"ref: {name}" if value.startswith("ref: ") else name] = value.removeprefix("ref: ")
    return found


def _missing(environment: Environment) -> GitError:
    project = environment.project
    kind = "branch" if environment.tag is None else "tag"
    wanted = environment.tag or environment.branch
    what = f"{kind} {wanted!r}" if wanted else "the default branch"
    prefix = f"refs/{'heads' if kind == 'branch' else 'tags'}/"
    listed = _list(project, prefix + "*", options=("--refs",))
    names = sorted(name.removeprefix(prefix) for name in listed)
    known = ", ".join(names[:_SHOWN]) or "none"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    plural = "branches" if kind == "branch" else "tags"
    return GitError(
        f"{what} does not exist on {without_credentials(project.repository)}; "
        f"known {plural}: {known}{more}; set `{kind}:` of environment {environment.name!r}"
    )

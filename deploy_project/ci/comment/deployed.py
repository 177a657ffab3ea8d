"""The run that has deployed a merged pull request, and the comment's line on it; pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.runs.outcome.markdown import code, link

_BEGINS = "🚀 **Deployed** to "
_SHORT = 8


@dataclass(frozen=True)
class Build:
    """A successful run that has built a commit in an environment."""

    run_id: str
    commit: str


def home(job: Job, deployment: Deployment) -> str:
    """Return the environment that the pull requests of a CI job are on their way to.

    That is the project's production environment; without one, the job's own.
    """
    production = deployment.production_of(job.environment.project)
    return (production or job.environment).name


def first(builds: Iterable[Build], has: Callable[[str], bool]) -> Build | None:
    """Return the earliest of `builds`, given newest first, with a commit that `has` the merge."""
    found = None
    for each in builds:
        if not has(each.commit):
            break
        found = each
    return found


def line(build: Build, environment: str, *, run_url: str, commit_url: str) -> str:
    """Return the comment's line on the build."""
    run = link(f"run {code(build.run_id[:_SHORT])}", run_url)
    commit = link(code(build.commit[:12]), commit_url)
    return f"{_BEGINS}{code(environment)} by {run}, commit {commit}"


def told(comment: str, said: str) -> str:
    """Return the comment with the line `said` below its title; one that has such a line keeps it.

    All text of others in a comment is code, so that nothing else begins as that line does.
    """
    if said_in(comment):
        return comment
    lines = comment.split("\n")
    title = _title(lines)
    return "\n".join([*lines[: title + 1], "", said, *lines[title + 1 :]])


def said_in(comment: str) -> str:
    """Return the line on the build below the comment's title; empty when there is none."""
    lines = comment.split("\n")
    below = lines[_title(lines) + 1 :][:2]
    return next((each for each in below if each.startswith(_BEGINS)), "")


def kept(old: str, new: str) -> str:
    """Return the new comment with the line on the build that the old one has."""
    said = said_in(old)
    return told(new, said) if said else new


def _title(lines: Sequence[str]) -> int:
    return next((at for at, each in enumerate(lines) if each.startswith("### ")), 0)

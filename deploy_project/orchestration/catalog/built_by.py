"""The jobs that build each asset, and when they do, in Markdown; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.orchestration.catalog.for_people import cron_text
from deploy_project.orchestration.nodes.asset_keys import assets
from deploy_project.orchestration.nodes.node_facts import ManifestContent
from deploy_project.releases.questions.selections import Answers, Selecting, selecting
from deploy_project.runs.model.tags import LOCATION
from deploy_project.runs.outcome.markdown import code, link

_MOST = 8
"""So many jobs are listed for one asset: each asset has a text of its own."""
_NONE = "No job builds it. Materialize it by hand, or add it to a job."


@dataclass(frozen=True, eq=False)
class Builder:
    """A job that builds assets, or may; one for each of its commands."""

    job: Job
    command: str
    """The first of its commands that does."""
    doubt: str = ""
    """The reason why nobody knows before it runs; empty where it always does."""


def built_by(
    deployment: Deployment, environment: Environment, manifest: ManifestContent, answers: Answers
) -> dict[str, str]:
    """Return the jobs that build each node of `manifest`, in Markdown, by unique id.

    `answers` are dbt's, for the selections of the jobs. Pull requests build no asset.
    """
    built = {
        unique_id: node["resource_type"]
        for unique_id, node in assets(manifest).items()
        if unique_id in manifest["nodes"]
    }
    found: dict[str, list[Builder]] = {unique_id: [] for unique_id in built}
    for job in deployment.jobs_in(environment):
        if job.job_type != "ci":
            for unique_id, builder in _builders(job, built, answers).items():
                found[unique_id].append(builder)

    @cache  # most assets are built by the same jobs
    def shown(builders: tuple[Builder, ...]) -> str:
        return _shown(deployment, builders)

    return {unique_id: shown(tuple(each)) for unique_id, each in found.items()}


def _builders(job: Job, built: Mapping[str, str], answers: Answers) -> dict[str, Builder]:
    """Return the first command of a job that builds each node, one that is sure before others."""
    found: dict[str, Builder] = {}
    for arguments, command in zip(job.steps, job.commands, strict=True):
        wanted = selecting(arguments)
        if wanted is None:
            continue
        doubt, nodes = _nodes(wanted, built, answers)
        builder = Builder(job, command, doubt)
        for unique_id in nodes:
            known = found.get(unique_id)
            if known is None or (known.doubt and not doubt):
                found[unique_id] = builder
    return found


def _nodes(
    wanted: Selecting, built: Mapping[str, str], answers: Answers
) -> tuple[str, Iterable[str]]:
    """Return the nodes that a command builds; with a doubt, those that it may build."""
    candidates = [unique_id for unique_id, kind in built.items() if kind in wanted.kinds]
    if not wanted.options:
        return "", candidates
    if wanted.depends_on_changes:
        return "depends on what has changed", candidates
    answer = answers.get(wanted.key)
    if answer is None:
        return "dbt has not told what this selects", candidates
    return "", [unique_id for unique_id in candidates if unique_id in answer]


def _shown(deployment: Deployment, builders: Sequence[Builder]) -> str:
    if not builders:
        return _NONE
    lines = [f"- {each}" for each in _lines(deployment, builders[:_MOST])]
    more = len(builders) - _MOST
    return "\n".join([*lines, *([f"- and {more} more"] if more > 0 else [])])


def _lines(deployment: Deployment, builders: Sequence[Builder]) -> Iterator[str]:
    for each in builders:
        page = f"{deployment.dagster_url}/locations/{LOCATION}/jobs/{each.job.name}"
        named = link(code(each.job.title), page)
        doubt = f"; {each.doubt}" if each.doubt else ""
        yield f"{named}: {'; '.join(starts(each.job))} ({code(each.command)}{doubt})"


def starts(job: Job) -> Iterator[str]:
    """Yield when a job is started, in words; not the next moment, which would grow old here."""
    if job.why_off is not None:
        yield "never, the job is off"
        return
    found = [f"{cron_text(line)} ({job.timezone})" for line in job.cron if job.scheduled]
    if job.on_merge:
        found.append(f"on each merge into {code(job.environment.branch or 'the default branch')}")
    if job.completion is not None:
        found.append(f"after {job.completion}")
    yield from found or ["by hand"]

"""Drafts of jobs: identifier, name and environment, before references to other jobs resolve."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deploy_project.config.files.documents import Place
from deploy_project.config.files.jobs_file import JobEntry, JobsFile
from deploy_project.config.files.model import LONGEST_NAME, NAME, Checked
from deploy_project.config.files.problems import Problems, Unknown
from deploy_project.config.resolve.projects import Landscape
from deploy_project.config.values.deployment import Environment

# `Nightly [[daily]]` and `Nightly [[prod:daily]]`, as dbt-jobs-as-code writes names to dbt Cloud.
_MARK = re.compile(r"\[\[([*:a-zA-Z0-9_-]+)\]\]")
DELETED = 2
CI_SWEEP = "ci_sweep"
"""The clean-up after pull requests: a job in Dagster, of each environment, that no file names."""
REQUESTED = "requested"
"""Likewise, the runs of other steps than their job's own."""
RESERVED = {
    CI_SWEEP: "is what the clean-up after pull requests is called",
    REQUESTED: "is what runs are called that have other steps than their job",
}
"""The identifiers that no job can have, and why."""


@dataclass(frozen=True)
class JobsSource:
    """One jobs file, with its root."""

    file: Checked[JobsFile]
    root: Place
    over_api: bool = False
    """Whether the API writes it."""


@dataclass(frozen=True)
class Draft:
    """A job of a file; `environment` is None where it can't be made out."""

    place: Place
    entry: JobEntry
    identifier: str
    title: str
    environment: Environment | None
    over_api: bool = False

    @property
    def name(self) -> str:
        """The name of the Dagster job."""
        environment = self.environment.name if self.environment else ""
        return dagster_name(environment, self.identifier)

    @property
    def number(self) -> int | None:
        """The id that the file states."""
        return self.entry.linked_id if self.entry.id is None else self.entry.id

    @property
    def ours(self) -> bool:
        """Whether the job is written for deploy.yaml, not exported from dbt Cloud."""
        return self.entry.environment is not None


def dagster_name(environment: str, identifier: str) -> str:
    """Return the name of the Dagster job for `identifier` in an environment."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{environment}__{identifier}")


def drafts(sources: Iterable[JobsSource], landscape: Landscape, problems: Problems) -> list[Draft]:
    """Return the jobs of all files that are not deleted; identifiers and names are unique."""
    found = [
        _draft(source, key, entry, landscape, problems)
        for source in sources
        for key, entry in source.file.model.jobs.items()
        if entry.state != DELETED
    ]
    return _unique(found, problems)


def _draft(
    source: JobsSource, key: str, entry: JobEntry, landscape: Landscape, problems: Problems
) -> Draft:
    place = source.root / "jobs" / key
    identifier, title = _named(place, key, entry.name or key, problems)
    if source.over_api:  # a job that gets another name is still the same one
        identifier = key
    environment = _environment(place, entry, landscape, problems)
    if environment is not None:
        _check_project(place, entry, environment, landscape, problems)
    return Draft(place, entry, identifier, title, environment, source.over_api)


def identifier_in(name: str) -> str | None:
    """Return the identifier in a job's name, such as `Nightly [[daily]]`; None without a valid one.

    A filter before it, as in `[[prod:daily]]`, is no part of it.
    """
    mark = _MARK.search(name)
    if mark is None or mark[1].count(":") > 1:
        return None
    _, _, identifier = mark[1].rpartition(":")
    is_name = re.fullmatch(NAME, identifier) and len(identifier) <= LONGEST_NAME
    return identifier if is_name else None


def _named(place: Place, key: str, name: str, problems: Problems) -> tuple[str, str]:
    """Return the identifier and the title; an identifier in the name wins over the key."""
    mark = _MARK.search(name)
    if mark is None:
        return key, name
    identifier = identifier_in(name)
    if identifier is None:
        remedy = "write [[identifier]] or [[filter:identifier]]"
        problems.add(place / "name", "has no valid identifier", found=repr(mark[0]), remedy=remedy)
        identifier = key
    return identifier, name.replace(f" {mark[0]}", "")


def _environment(
    place: Place, entry: JobEntry, landscape: Landscape, problems: Problems
) -> Environment | None:
    known = ", ".join(map(repr, landscape.environments)) or "none"
    if entry.environment is None and entry.environment_id is None:
        remedy = f"name an environment of deploy.yaml: {known}"
        problems.add(place / "environment", "is missing", remedy=remedy)
        return None
    if entry.environment is None:
        found = environment_by_id(place / "environment_id", entry.environment_id, landscape)
    else:
        found = environment_by_name(place / "environment", entry.environment, landscape)
    if isinstance(found, Unknown):
        problems.add(found.place, found.what, remedy=found.remedy)
        return None
    if found is not None and entry.environment_id not in (None, found.id):
        what = f"is not the id of environment {found.name!r}, which is {found.id}"
        problems.add(place / "environment_id", what, remedy="keep the name or the id, not both")
    return found


def environment_by_name(
    place: Place, name: str, landscape: Landscape
) -> Environment | Unknown | None:
    """Return the environment called `name`; None for one with problems noted already."""
    found = landscape.environments.get(name)
    if found is None and name not in landscape.broken:
        known = ", ".join(map(repr, landscape.environments)) or "none"
        return Unknown(place, "is no environment", f"name an environment of deploy.yaml: {known}")
    return found


def environment_by_id(
    place: Place, identifier: int | None, landscape: Landscape
) -> Environment | Unknown | None:
    """Return the environment with an id; None for one with problems noted already."""
    found = (e for e in landscape.environments.values() if e.id == identifier)
    environment = next(found, None)
    if environment is None and str(identifier) not in landscape.written_ids:
        ids = (
            f"{landscape.environments[name].id} is {name!r}"
            for name in sorted(landscape.stated_environments & set(landscape.environments))
        )
        remedy = (
            f"put `id: {identifier}` at its environment in deploy.yaml "
            f"(known ids: {', '.join(ids) or 'none'})"
        )
        return Unknown(place, "is the id of no environment", remedy)
    return environment


def _check_project(
    place: Place,
    entry: JobEntry,
    environment: Environment,
    landscape: Landscape,
    problems: Problems,
) -> None:
    project = environment.project
    stated = project.name in landscape.stated_projects
    if stated and entry.project_id not in (None, project.id):
        what = f"is not the id of project {project.name!r} of the job's environment"
        remedy = f"use {project.id} here, or put this one in deploy.yaml"
        problems.add(place / "project_id", what, remedy=remedy)


def _unique(found: list[Draft], problems: Problems) -> list[Draft]:
    identifiers: dict[str, Draft] = {}
    names: dict[str, Draft] = {}
    for draft in found:
        taken = RESERVED.get(draft.identifier.replace("-", "_"))
        if taken is not None:
            remedy = "give the job another identifier"
            problems.add(draft.place, taken, found=repr(draft.identifier), remedy=remedy)
        earlier = identifiers.setdefault(draft.identifier, draft)
        if earlier is not draft:
            what = f"has the same identifier as the job at {earlier.place.where}"
            remedy = "give one of them another identifier"
            if draft.over_api:
                remedy = "give that one another identifier, or delete this one over the API"
            problems.add(draft.place, what, found=repr(draft.identifier), remedy=remedy)
            continue
        if draft.environment is None:
            continue
        earlier = names.setdefault(draft.name, draft)
        if earlier is not draft:
            what = (
                f"has the same name in Dagster as {earlier.identifier!r} at {earlier.place.where}"
            )
            remedy = "give one of them another identifier"
            problems.add(draft.place, what, found=repr(draft.name), remedy=remedy)
    return list(identifiers.values())

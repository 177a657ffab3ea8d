"""The files of a deployment, made of an account of dbt Cloud's; pure."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from deploy_project.cli.importing.cloud_account import (
    CloudAccount,
    EnvironmentObject,
    JobObject,
    ProjectObject,
    RepositoryObject,
    Values,
)
from deploy_project.cli.importing.notifications import rules_and_channels
from deploy_project.config.files.jobs_file import JobEntry, ReadOnly
from deploy_project.config.files.model import LONGEST_NAME
from deploy_project.config.resolve.drafts import RESERVED, identifier_in
from deploy_project.config.resolve.versions import meant
from deploy_project.config.values.deployment import RULES

Data = dict[str, Any]
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
_MASKED = re.compile(r"\*+")
_VARIABLE = re.compile(r"DBT_[A-Z0-9_]+")
_SECRET = "DBT_ENV_SECRET"  # noqa: S105
_KEPT = tuple(name for name in JobEntry.model_fields if name not in ReadOnly.model_fields)
_OURS = ("environment", "deferring_environment", "deferring_job", "linked_id", "identifier")
_NOT_LISTED = {*ReadOnly.model_fields, *_KEPT, "state", "is_system", "integration_id"}
_NEVER = "0 0 1 1 *"
"""dbt Cloud's schedule of a job that has none."""
_NO_LIMIT = 1_000_000
"""Our own API's number of run slots where there is no limit."""
NO_REPOSITORY = "https://repository.invalid/{}.git"
"""Stands for a repository whose address dbt Cloud does not tell."""
NOT_READ = (
    "connections and credentials: without `connection:` at an environment, the profiles.yml of its "
    "dbt project is used",
    "tokens for private repositories: give `token:` at the project",
    "webhooks, users, groups and permissions",
)


@dataclass(frozen=True)
class Files:
    """The data of deploy.yaml and jobs.yml, and a line for all that could not be taken."""

    deploy: Data
    jobs: Data
    left_out: tuple[str, ...] = ()


@dataclass
class _Conversion:
    """The names that are given and the things that are left out, as the conversion goes on."""

    account: CloudAccount
    projects: dict[int, str] = field(default_factory=dict[int, str])
    environments: dict[int, str] = field(default_factory=dict[int, str])
    secrets: set[str] = field(default_factory=set[str])
    left_out: list[str] = field(default_factory=list[str])

    def leave_out(self, what: str) -> None:
        self.left_out.append(" ".join(what.split()))

    def variables(self, values: Values, scope: str, where: str) -> Data:
        """Return variables with the place of each secret: an environment variable of its own."""
        found: Data = {}
        for name, value in values.items():
            if not _VARIABLE.fullmatch(name):
                self.leave_out(f"variable {name!r} of {where}: its name is none of dbt Cloud's")
            elif name.startswith(_SECRET) or _MASKED.fullmatch(value):
                found[name] = {"env": self._secret(name, scope)}
            else:
                found[name] = value
        return found

    def _secret(self, name: str, scope: str) -> str:
        suffix = _NOT_IN_NAMES.sub("_", scope).strip("_").upper()
        chosen = name if name not in self.secrets else f"{name}__{suffix}"
        self.secrets.add(chosen)
        return chosen


def files(account: CloudAccount) -> Files:
    """Return the files of a deployment with the account's projects, environments and jobs.

    Whether the loader takes them is not looked at.
    """
    so_far = _Conversion(account)
    deploy: Data = {"account": _account(so_far)}
    deploy["projects"] = dict(_projects(so_far))
    deploy["environments"] = dict(_environments(so_far))
    jobs = dict(_jobs(so_far))
    names: dict[int, str] = {entry["id"]: name for name, entry in jobs.items()}
    deploy |= rules_and_channels(account.notifications, names, so_far.leave_out)
    if account.unread:
        so_far.leave_out(f"notifications: {account.unread}")
    written = {"account_id": account.account.id, "jobs": jobs}
    return Files(deploy, written, (*so_far.left_out, *NOT_READ))


def _account(so_far: _Conversion) -> Data:
    found = so_far.account.account
    entry: Data = {"id": found.id, "name": found.name or f"account {found.id}"}
    if found.run_slots in RULES:
        entry["run_slots"] = found.run_slots
    elif found.run_slots is not None and found.run_slots < _NO_LIMIT:
        so_far.leave_out(
            f"run slots of the account: {found.run_slots}; dagster.yaml has rules for "
            f"{', '.join(map(str, RULES))}"
        )
    return entry


def _projects(so_far: _Conversion) -> Iterator[tuple[str, Data]]:
    for project in so_far.account.projects:
        name = unique_name(project.name, so_far.projects.values(), else_="project")
        so_far.projects[project.id] = name
        entry: Data = {"id": project.id, "repository": _repository(so_far, project, name)}
        if project.dbt_project_subdirectory:
            entry["subdirectory"] = project.dbt_project_subdirectory
        values = so_far.account.variables.get(project.id, {}).get("project", {})
        variables = so_far.variables(values, name, f"project {name!r}")
        yield name, entry | ({"variables": variables} if variables else {})


def _repository(so_far: _Conversion, project: ProjectObject, name: str) -> str:
    found = so_far.account.repositories.get(project.repository_id or 0)
    url = clone_url(found) if found is not None else None
    if url is None:
        so_far.leave_out(f"repository of project {name!r}: write its address, which git clones")
        return NO_REPOSITORY.format(project.id)
    return url


def clone_url(repository: RepositoryObject) -> str | None:
    """Return an address that git clones by; None when dbt Cloud tells none.

    dbt Cloud's own form for its apps, `git://github.com/acme/shop.git`, is read over https.
    """
    url = repository.remote_url or ""
    if url.startswith("git://"):
        return f"https://{url.removeprefix('git://')}"
    if url.startswith(("https://", "http://")):
        scheme, _, rest = url.partition("://")
        site, slash, path = rest.partition("/")
        return f"{scheme}://{site.rpartition('@')[2]}{slash}{path}"  # a login may be in it
    if url.startswith("ssh://") or re.match(r"git@[^:]+:", url):
        return url
    sites = {"github": "https://github.com", "gitlab": "https://gitlab.com"}
    site = sites.get(repository.remote_backend or "")
    return f"{site}/{repository.full_name}.git" if site and repository.full_name else None


def _environments(so_far: _Conversion) -> Iterator[tuple[str, Data]]:
    titles = [each.name.lower() for each in so_far.account.environments if _is_for_jobs(each)]
    for each in so_far.account.environments:
        project = so_far.projects.get(each.project_id)
        if project is None or not _is_for_jobs(each):
            so_far.leave_out(f"environment {each.name!r}: it is for development, or of no project")
            continue
        is_alone = titles.count(each.name.lower()) == 1
        wanted = each.name if is_alone else f"{project} {each.name}"
        name = unique_name(wanted, so_far.environments.values(), else_="environment")
        so_far.environments[each.id] = name
        yield name, _environment(so_far, each, project, name)


def _is_for_jobs(environment: EnvironmentObject) -> bool:
    return environment.type == "deployment"


def _environment(so_far: _Conversion, found: EnvironmentObject, project: str, name: str) -> Data:
    kind = found.deployment_type if found.deployment_type in ("production", "staging") else None
    entry: Data = {"id": found.id, "project": project, "type": kind or "general"}
    if found.use_custom_branch and found.custom_branch:
        entry["branch"] = found.custom_branch
    version = meant(found.dbt_version) if found.dbt_version else None
    if version is not None:
        entry["dbt_version"] = version
    if found.extended_attributes_id is not None:
        so_far.leave_out(f"extended attributes of environment {name!r}")
    values = so_far.account.variables.get(found.project_id, {}).get(found.name, {})
    variables = so_far.variables(values, name, f"environment {name!r}")
    return entry | ({"variables": variables} if variables else {})


def _jobs(so_far: _Conversion) -> Iterator[tuple[str, Data]]:
    given: list[str] = list(RESERVED)
    for job in so_far.account.jobs:
        if job.environment_id not in so_far.environments:
            so_far.leave_out(f"job {job.id} ({job.name!r}): its environment is left out")
            continue
        marked = identifier_in(job.name)
        identifier = unique_name(marked or job.name, given, else_="job", as_it_is=bool(marked))
        given.append(identifier)
        yield identifier, _job(so_far, job, identifier)


def _job(so_far: _Conversion, job: JobObject, identifier: str) -> Data:
    written: Data = {
        "id": job.id,
        "name": job.name,
        "project_id": job.project_id,
        "environment_id": job.environment_id,
        **(job.model_extra or {}),
    }
    marked = identifier_in(job.name)
    if marked is not None and marked != identifier:  # two jobs of dbt Cloud's may have one
        written["name"] = job.name.replace(f"[[{marked}]]", f"[[{identifier}]]")
    for key, value in written.items():
        if value and key not in _NOT_LISTED:
            so_far.leave_out(f"{key!r} of job {job.id} ({job.name!r}): it is not known here")
    entry = {
        key: written[key]
        for key in _KEPT
        if written.get(key) is not None and key not in (*_OURS, "account_id", "state")
    }
    if entry.get("deferring_job_definition_id") == job.id:
        del entry["deferring_job_definition_id"]
        entry["self_deferring"] = True
    cron = _mapping(entry.pop("schedule", None)).get("cron")
    if cron and cron != _NEVER:
        entry["schedule"] = {"cron": cron}
    values = so_far.account.job_variables.get(job.id, {})
    variables = so_far.variables(values, identifier, f"job {identifier!r}")
    entry["custom_environment_variables"] = [{name: value} for name, value in variables.items()]
    triggers = _mapping(entry.get("triggers"))
    entry["triggers"] = {key: each for key, each in triggers.items() if each is not None}
    return {key: value for key, value in entry.items() if value != []}


def _mapping(value: Any) -> Data:
    return cast(Data, value) if isinstance(value, dict) else {}


def unique_name(title: str, taken: Collection[str], *, else_: str, as_it_is: bool = False) -> str:
    """Return a name made of a title, unlike all those `taken`; Dagster takes `-` for `_`."""
    stem = title if as_it_is else _NOT_IN_NAMES.sub("_", title).strip("_").lower() or else_
    stem = stem[: LONGEST_NAME - 10]
    used = {each.replace("-", "_").lower() for each in taken}
    found, count = stem, 1
    while found.replace("-", "_").lower() in used:
        count += 1
        found = f"{stem}_{count}"
    return found

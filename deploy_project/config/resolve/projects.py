"""The projects and environments of deploy.yaml, checked and resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploy_project.config.files.deploy_file import (
    DeployFile,
    EnvironmentEntry,
    ProjectEntry,
    PullRequestsEntry,
)
from deploy_project.config.files.documents import Place
from deploy_project.config.files.locations import (
    Base,
    pattern,
    reference,
    repository,
    subdirectory,
    translator,
)
from deploy_project.config.files.model import Checked
from deploy_project.config.files.problems import Problems
from deploy_project.config.resolve.hosting import hosting
from deploy_project.config.resolve.identifiers import clashes, numbers
from deploy_project.config.resolve.variables_and_secrets import (
    deploy_variables,
    passed_names,
    secret,
)
from deploy_project.config.resolve.versions import version
from deploy_project.config.values.deployment import (
    RULES,
    Environment,
    Project,
    PullRequestRules,
    Secret,
    production,
)
from deploy_project.config.values.notifications import Channel
from deploy_project.config.values.purposes import withheld
from deploy_project.config.values.webhooks import FileSubscription


@dataclass(frozen=True)
class Landscape:
    """The projects and environments that jobs may refer to, and the names of `broken` ones."""

    projects: Mapping[str, Project]
    environments: Mapping[str, Environment]
    stated_projects: frozenset[str]
    """The projects whose id is written down."""
    stated_environments: frozenset[str]
    broken: frozenset[str]
    """The names of environments with mistakes."""
    written_ids: frozenset[str]
    """The ids of all environments as they are written, right or wrong."""

    def production(self, project: Project) -> Environment | None:
        """Return the production environment of a project."""
        return production(e for e in self.environments.values() if e.project == project)


def landscape(
    file: Checked[DeployFile],
    root: Place,
    base: Base,
    problems: Problems,
    *,
    receivers: Iterable[Channel | FileSubscription],
) -> Landscape:
    """Return the projects and environments without those that can't be made out.

    dbt sees none of the secrets of `receivers`.
    """
    projects = _projects(file.model, root / "projects", base, problems)
    at = root / "environments"
    kept_from_dbt = dict(withheld(projects.values(), receivers))
    environments = _environments(file.model, at, projects, kept_from_dbt, base, problems)
    _require_one_each(environments, at, problems)
    _require_one_purpose(root / "projects", projects, kept_from_dbt, problems)
    _require_one_purpose(at, environments, kept_from_dbt, problems)
    for section in ("projects", "environments"):
        _require_distinct(root / section, problems)
    broken = {*file.broken_in("environments"), *file.model.environments} - set(environments)
    return Landscape(
        projects=projects,
        environments=environments,
        stated_projects=frozenset(n for n, e in file.model.projects.items() if e.id),
        stated_environments=frozenset(n for n, e in file.model.environments.items() if e.id),
        broken=frozenset(broken),
        written_ids=frozenset(str((at / name / "id").value) for name in at.keys),
    )


def _require_distinct(at: Place, problems: Problems) -> None:
    """Refuse two names that differ in `-` and `_` only, which are one name in Dagster."""
    seen: dict[str, str] = {}
    for name in map(str, at.keys):
        earlier = seen.setdefault(name.replace("-", "_"), name)
        if earlier != name:
            remedy = "rename one: Dagster's names can't tell `-` from `_`"
            problems.add(at / name, f"looks like {earlier!r}", found=name, remedy=remedy)


def unique_numbers(
    stated: Mapping[str, int | None], places: Mapping[str, Place], problems: Problems
) -> dict[str, int]:
    """Return a number for each name; note a problem for each number that two names have."""
    found = numbers(stated)
    for earlier, later in clashes(found):
        remedy = "give one of them another `id`"
        problems.add(
            places[later] / "id",
            f"is also the id of {earlier!r} at {places[earlier].where}",
            found=str(found[later]),
            remedy=remedy,
        )
    return found


def _projects(file: DeployFile, at: Place, base: Base, problems: Problems) -> dict[str, Project]:
    if not at.value:
        problems.add(at, "names no project", remedy="add one, with its `repository`")
    places = {name: at / name for name in file.projects}
    stated = {name: entry.id for name, entry in file.projects.items()}
    ids = unique_numbers(stated, places, problems)
    return {
        name: _project(name, entry, ids[name], places[name], base, problems)
        for name, entry in file.projects.items()
    }


def _project(
    name: str, entry: ProjectEntry, identifier: int, at: Place, base: Base, problems: Problems
) -> Project:
    token = None if entry.token is None else secret(at / "token", base, problems)
    return Project(
        name=name,
        id=identifier,
        repository=repository(at / "repository", entry.repository, base, problems),
        subdirectory=subdirectory(at / "subdirectory", entry.subdirectory, problems),
        hosting=hosting(at / "hosting", entry, token, base, problems),
        pull_requests=_pull_requests(entry.pull_requests, at / "pull_requests", problems),
        username=entry.username,
        token=token,
        git_repo_cache=entry.git_repo_cache,
        partial_parsing=entry.partial_parsing,
        variables=deploy_variables(at / "variables", base, problems),
        pass_variables=passed_names(at / "pass_variables", problems),
        translator=translator(at / "translator", entry.translator, base, problems),
        hook_secret=None
        if entry.hooks is None
        else secret(at / "hooks" / "secret", base, problems),
    )


def _pull_requests(entry: PullRequestsEntry, at: Place, problems: Problems) -> PullRequestRules:
    refs = None if entry.refs is None else pattern(at / "refs", entry.refs, problems)
    return PullRequestRules(
        refs=refs,
        fork_label=entry.fork_label,
        schema_guard=entry.schema_guard,
        without_state=entry.without_state,
        sample_rows=entry.sample_rows,
        build=entry.build,
        sandbox=entry.sandbox,
        network=None if entry.network is None else tuple(entry.network),
        memory=None if entry.memory is None else entry.memory << 20,
    )


def _environments(
    file: DeployFile,
    at: Place,
    projects: Mapping[str, Project],
    kept_from_dbt: Iterable[Secret],
    base: Base,
    problems: Problems,
) -> dict[str, Environment]:
    if not at.value:
        problems.add(at, "names no environment", remedy="add one, such as `production`")
    places = {name: at / name for name in file.environments}
    stated = {name: entry.id for name, entry in file.environments.items()}
    ids = unique_numbers(stated, places, problems)
    found: dict[str, Environment] = {}
    for name, entry in file.environments.items():
        _check(entry, places[name], problems)
        project = _project_of(entry, places[name], projects, problems)
        variables = deploy_variables(places[name] / "variables", base, problems)
        passed = passed_names(places[name] / "pass_variables", problems)
        if project is not None:
            found[name] = Environment(
                name=name,
                id=ids[name],
                project=project,
                type=entry.type,
                branch=entry.branch,
                tag=entry.tag,
                target=entry.target,
                profiles_directory=_profiles(entry.profiles_directory, base),
                connection=entry.connection,
                extended_attributes=entry.extended_attributes,
                target_schema=entry.target_schema,
                threads=entry.threads or file.defaults.threads,
                dbt_version=entry.dbt_version or file.defaults.dbt_version,
                variables=variables,
                pass_variables=passed,
                withheld=frozenset(kept_from_dbt),
                concurrency=entry.concurrency,
                row_counts=entry.row_counts,
                column_lineage=entry.column_lineage,
                show_rows=entry.show_rows,
                pull_request_days=entry.pull_request_days,
            )
    return found


def _require_one_purpose(
    at: Place,
    entries: Mapping[str, Project] | Mapping[str, Environment],
    kept_from_dbt: Mapping[Secret, str],
    problems: Problems,
) -> None:
    """Refuse to pass dbt a variable that holds a secret for something else."""
    others = {each.env: key for each, key in kept_from_dbt.items()}
    for name, entry in entries.items():
        place = at / name / "pass_variables"
        for each in (each for each in entry.pass_variables if each in others):
            what = f"holds the secret of {others[each]}, which dbt must not see"
            remedy = (
                "take it out; what dbt needs of its own is a variable under `variables:`, such as "
                f"`DBT_ENV_SECRET_TOKEN: {{env: {each}}}`"
            )
            item = place / place.value.index(each)
            problems.add(item, what, remedy=remedy, found=repr(each))


def _profiles(text: str | None, base: Base) -> str | None:
    """Return an absolute path for `~` and `{state}`; others are relative to the dbt project."""
    if text is None or not text.startswith(("~", "{state}")):
        return text
    return str(base.path(text))


def _check(entry: EnvironmentEntry, at: Place, problems: Problems) -> None:
    version(at / "dbt_version", entry.dbt_version, problems)
    check_rule(at / "concurrency", entry.concurrency, problems)
    reference(at / "branch", entry.branch, problems)
    reference(at / "tag", entry.tag, problems)
    if entry.branch is not None and entry.tag is not None:
        problems.add(at / "tag", "is given beside `branch`", remedy="keep one of the two")
    adapter = entry.extended_attributes.get("type", "")
    if not isinstance(adapter, str):
        remedy = "name an adapter, such as `duckdb`, or leave the key out"
        problems.add(at / "extended_attributes" / "type", "must be text", remedy=remedy)
    if entry.connection is None:
        return
    for key in ("target", "profiles_directory"):
        if (at / key).value is not None:
            problems.add(at / key, "is given beside `connection`", remedy="keep one of the two")
    if not isinstance(entry.connection.get("type"), str):
        remedy = "name the adapter, as an output of profiles.yml does: `type: duckdb`"
        problems.add(at / "connection" / "type", "is missing", found="none", remedy=remedy)


def check_rule(at: Place, count: int | None, problems: Problems) -> None:
    """Note a problem when Dagster's queue has no rule for `count` runs at once."""
    if count is not None and count not in RULES:
        numbers = ", ".join(map(str, RULES[:-1]))
        remedy = f"use {numbers} or {RULES[-1]}, or leave it out for no limit"
        problems.add(at, "is a number that dagster.yaml has no rule for", remedy=remedy)


def _project_of(
    entry: EnvironmentEntry, at: Place, projects: Mapping[str, Project], problems: Problems
) -> Project | None:
    names = (Place(at.document) / "projects").keys
    known = ", ".join(map(repr, names)) or "none"
    if entry.project is None:
        if len(names) == 1:
            return projects.get(names[0])
        if names:
            remedy = f"name one of the projects: {known}"
            problems.add(
                at / "project", "is missing, and there are several projects", remedy=remedy
            )
        return None
    if entry.project not in names:
        problems.add(at / "project", "is no project", remedy=f"name a known one: {known}")
    return projects.get(entry.project)


def _require_one_each(
    environments: Mapping[str, Environment], at: Place, problems: Problems
) -> None:
    first: dict[tuple[str, str], str] = {}
    for name, environment in environments.items():
        kind, project = environment.type, environment.project.name
        earlier = first.setdefault((project, kind), name)
        if kind != "general" and earlier != name:
            problems.add(
                at / name / "type",
                f"is also the type of {earlier!r}, and project {project!r} can have one {kind} "
                "environment only",
                remedy="make one of them `general`",
            )

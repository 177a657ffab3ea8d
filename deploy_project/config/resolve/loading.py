"""deploy.yaml and the jobs files, read into one `Deployment`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deploy_project.config.files.addresses import web
from deploy_project.config.files.deploy_file import AccountEntry, DeployFile
from deploy_project.config.files.documents import Place
from deploy_project.config.files.jobs_file import JobsFile
from deploy_project.config.files.locations import Base, artifacts
from deploy_project.config.files.model import checked
from deploy_project.config.files.problems import Problems
from deploy_project.config.files.rendering import rendered
from deploy_project.config.files.templates import document, files, read, template_values, text_of
from deploy_project.config.resolve.drafts import JobsSource
from deploy_project.config.resolve.front.tokens import tokens
from deploy_project.config.resolve.jobs import check_timezone, jobs
from deploy_project.config.resolve.notifications import (
    channels,
    owner_rules,
    rules,
    subscriptions,
    webhook_hosts,
)
from deploy_project.config.resolve.projects import check_rule, landscape
from deploy_project.config.resolve.versions import version
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from deploy_project.errors import ConfigError

_JOBS = ["jobs.yml"]
_PARTS = ("projects", "environments", "channels", "webhooks", "tokens")


def load_deployment(config_file: Path, *, state: Path, api_jobs: str | None = None) -> Deployment:
    """Return the deployment that `config_file`, its jobs files and that of the API describe.

    `{state}` in the file stands for the directory `state`; relative paths are relative to the
    file. `api_jobs` is the text to take for the jobs file of the API, instead of the one there is.
    Raises one `ConfigError` with a line for every mistake in all files; those that
    turn off no more than one thing are its `warnings`.
    """
    config_file = config_file.absolute()
    if not config_file.is_file():
        raise ConfigError(f"{config_file} does not exist; set DEPLOY_CONFIG or create the file")
    problems = Problems(config_file)
    content = read(config_file, problems)
    if content is None:
        problems.raise_if_any()
    assert content is not None
    root, base = Place(content), Base(config_file.parent, state.absolute())
    file = checked(DeployFile, content, parts=_PARTS, problems=problems)
    to = channels(file.model.channels, root / "channels", base, problems)
    hooks = subscriptions(file.model.webhooks, root / "webhooks", base, problems)
    receivers = [*to.values(), *hooks.values()]
    known = landscape(file, root, base, problems, receivers=receivers)
    over_api = StateDirectory(base.state).api_jobs
    sources = [
        *_sources(file.model, root, base, problems, leave_out=over_api),
        *_made_over_api(over_api, api_jobs, problems),
    ]
    _check_defaults(file.model, root / "defaults", problems)
    deployment = Deployment(
        source=config_file,
        account=_account(file.model, root / "account", sources, problems),
        projects=known.projects,
        environments=known.environments,
        jobs=jobs(sources, known, defaults=file.model.defaults, base=base, problems=problems),
        artifacts=_artifacts(file.model, root, base, problems),
        dagster_url=web(root / "dagster_url", file.model.dagster_url, problems),
        docs_url=_docs_url(file.model, root, problems),
        channels=to,
        notifications=rules(file.model.notifications, root / "notifications", problems),
        tokens=tokens(file.model.tokens, root / "tokens", problems),
        requests_per_minute=file.model.front.requests_per_minute,
        patterns=(str(over_api), *(str(base.path(each)) for each in _patterns(file.model))),
        model_notifications=owner_rules(
            file.model.model_notifications, to, root / "model_notifications", problems
        ),
        webhooks=hooks,
        webhook_hosts=webhook_hosts(file.model.webhook_hosts, root / "webhook_hosts", problems),
    )
    problems.raise_if_any()
    return replace(deployment, warnings=problems.warnings)


def _sources(
    file: DeployFile, root: Place, base: Base, problems: Problems, *, leave_out: Path
) -> list[JobsSource]:
    values = template_values(files(root / "vars_files", file.vars_files, base, problems), problems)
    paths = files(root / "jobs", _jobs(file), base, problems)
    texts = {
        path: text
        for path in paths
        if path != leave_out and (text := text_of(path, problems)) is not None
    }
    found = rendered(texts, values, problems).items()
    return list(filter(None, (_source(path, text, problems) for path, text in found)))


def _made_over_api(file: Path, text: str | None, problems: Problems) -> list[JobsSource]:
    """Return the jobs that were made over the API: data, never a template."""
    if text is None and _is_there(file):
        text = text_of(file, problems)
    found = _source(file, text, problems, over_api=True)
    return [] if found is None else [found]


def _is_there(file: Path) -> bool:
    """Return whether there is a file, also where nobody may look: reading it tells why."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _source(
    path: Path, text: str | None, problems: Problems, *, over_api: bool = False
) -> JobsSource | None:
    content = document(path, text, problems)
    if content is None:
        return None
    model = checked(JobsFile, content, parts=("jobs",), problems=problems)
    return JobsSource(model, Place(content), over_api)


def _jobs(file: DeployFile) -> list[str]:
    return _JOBS if file.jobs is None else file.jobs


def _patterns(file: DeployFile) -> list[str]:
    return [*_jobs(file), *file.vars_files]


def _check_defaults(file: DeployFile, place: Place, problems: Problems) -> None:
    version(place / "dbt_version", file.defaults.dbt_version, problems)
    check_timezone(place / "timezone", file.defaults.timezone, problems)


def _account(
    file: DeployFile, at: Place, sources: Sequence[JobsSource], problems: Problems
) -> Account:
    """Return the stated account, else the one that all jobs belong to, else number 1."""
    stated = [
        (place, identifier)
        for source in sources
        for place, identifier in _account_ids(source)
        if identifier is not None
    ]
    entry = file.account or AccountEntry()
    check_rule(at / "run_slots", entry.run_slots, problems)
    number = entry.id or (stated[0][1] if stated else 1)
    account = Account(number, entry.name, entry.run_slots)
    for place, identifier in stated:
        if identifier != account.id:
            remedy = "keep the jobs of one account, whose id is `account.id` in deploy.yaml"
            problems.add(place, f"is not the account {account.id}", remedy=remedy)
    return account


def _account_ids(source: JobsSource) -> list[tuple[Place, int | None]]:
    jobs_place, model = source.root / "jobs", source.file.model
    own = [(jobs_place / key / "account_id", job.account_id) for key, job in model.jobs.items()]
    return [(source.root / "account_id", model.account_id), *own]


def _artifacts(file: DeployFile, root: Place, base: Base, problems: Problems) -> str | None:
    if file.artifacts is None:
        return None
    return artifacts(root / "artifacts", file.artifacts, base, problems)


def _docs_url(file: DeployFile, root: Place, problems: Problems) -> str | None:
    return None if file.docs_url is None else web(root / "docs_url", file.docs_url, problems)

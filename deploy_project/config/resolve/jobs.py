"""The jobs of the jobs files, resolved against the environments and each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from deploy_project.config.files.deploy_file import Defaults
from deploy_project.config.files.documents import Place
from deploy_project.config.files.jobs_file import JobEntry
from deploy_project.config.files.locations import Base
from deploy_project.config.files.problems import Problems
from deploy_project.config.resolve.completions import KEY, completion, cycles
from deploy_project.config.resolve.cron import cron_fault, timezone_fault
from deploy_project.config.resolve.drafts import Draft, JobsSource, drafts
from deploy_project.config.resolve.projects import Landscape, unique_numbers
from deploy_project.config.resolve.references import References, references
from deploy_project.config.resolve.variables_and_secrets import job_variables
from deploy_project.config.resolve.versions import job_version
from deploy_project.config.values.commands import CommandError, arguments, selection_flags
from deploy_project.config.values.deployment import (
    AssetParent,
    Completion,
    Deferral,
    Environment,
    Job,
    JobType,
    Off,
    Secret,
    WrittenJob,
    record_key,
)
from deploy_project.config.values.subcommands import unrunnable

_TYPES = get_args(JobType)
# https://docs.getdbt.com/docs/deploy/deploy-jobs, ci-jobs and merge-jobs
_COMMANDS = {
    "ci": ("dbt build --select state:modified+",),
    "merge": ("dbt build --select state:modified+",),
}


@dataclass(frozen=True)
class _Triggers:
    scheduled: bool
    on_merge: bool
    on_pull_request: bool


@dataclass(frozen=True)
class _Content:
    """The checked and resolved parts of a job, also of one without a valid environment."""

    steps: tuple[tuple[str, ...], ...]
    compare_changes_flags: tuple[str, ...]
    commands: tuple[str, ...]
    cron: tuple[str, ...]
    timezone: str
    dbt_version: str | None
    variables: dict[str, str | Secret]
    triggers: _Triggers
    deferral: Deferral | None
    completion: Completion | None
    off: tuple[Off, ...]


def jobs(
    sources: Sequence[JobsSource],
    landscape: Landscape,
    *,
    defaults: Defaults,
    base: Base,
    problems: Problems,
) -> dict[str, Job]:
    """Return the jobs by name, without those that can't be made out."""
    found = drafts(sources, landscape, problems)
    placed = {draft.name: draft for draft in found if draft.environment is not None}
    ids = unique_numbers(
        {name: draft.number for name, draft in placed.items()},
        {name: draft.place for name, draft in placed.items()},
        problems,
    )
    others = references(found, ids, landscape, sources)
    zone = defaults.timezone
    contents = {d.identifier: _content(d, others, zone, base, problems) for d in found}
    _check_cycles(placed, contents, problems)
    return {
        name: _job(draft, draft.environment, ids[name], contents[draft.identifier], defaults)
        for name, draft in placed.items()
        if draft.environment is not None
    }


def _check_cycles(
    placed: Mapping[str, Draft], contents: Mapping[str, _Content], problems: Problems
) -> None:
    parents = {
        name: _own_parents(contents[draft.identifier].completion, placed)
        for name, draft in placed.items()
    }
    for ring in cycles(parents):
        at = placed[ring[0]].place / KEY
        started = " starts ".join(repr(placed[name].identifier) for name in (*ring, ring[0]))
        problems.add(at, "starts jobs in a circle", found=started, remedy="break it at one of them")


def _own_parents(completion: Completion | None, placed: Mapping[str, Draft]) -> list[str]:
    """Return the jobs of this deployment that start one, also those known by their run record."""
    records = {
        record_key(draft.environment.name, draft.identifier): name
        for name, draft in placed.items()
        if draft.environment is not None
    }
    found: list[str] = []
    for parent in completion.parents if completion else ():
        if isinstance(parent, AssetParent):
            found += [records[parent.key]] if parent.key in records else []
        elif parent.location is None:
            found.append(parent.job)
    return found


def _job(
    draft: Draft, environment: Environment, identifier: int, content: _Content, defaults: Defaults
) -> Job:
    entry, triggers = draft.entry, content.triggers
    return Job(
        name=draft.name,
        identifier=draft.identifier,
        id=identifier,
        title=draft.title,
        environment=environment,
        description=entry.description,
        job_type=cast(JobType, entry.job_type),
        steps=content.steps,
        commands=content.commands,
        target_name=entry.settings.target_name if entry.settings else None,
        threads=entry.settings.threads if entry.settings else None,
        timeout_seconds=entry.execution.timeout_seconds,
        dbt_version=content.dbt_version,
        deferral=content.deferral,
        run_generate_sources=entry.run_generate_sources,
        generate_docs=entry.generate_docs,
        cron=content.cron,
        timezone=content.timezone,
        scheduled=triggers.scheduled,
        on_merge=triggers.on_merge,
        on_pull_request=triggers.on_pull_request,
        on_draft_pull_request=entry.triggers_on_draft_pr,
        completion=None if entry.deactivated else content.completion,
        run_lint=entry.run_lint,
        errors_on_lint_failure=entry.errors_on_lint_failure,
        run_compare_changes=entry.run_compare_changes,
        compare_changes_flags=content.compare_changes_flags,
        cost_optimization_features=tuple(entry.cost_optimization_features),
        variables=content.variables,
        off=content.off,
        deactivate_after=0 if entry.job_type == "merge" else defaults.deactivate_after,
        written=_written(draft),
    )


def _written(draft: Draft) -> WrittenJob:
    stated = draft.entry.model_dump(exclude_unset=True, by_alias=True)
    return WrittenJob(draft.place.file, draft.place.line, draft.over_api, stated)


def _content(
    draft: Draft, others: References, timezone: str, base: Base, problems: Problems
) -> _Content:
    entry, place = draft.entry, draft.place
    if entry.job_type not in _TYPES:
        remedy = f"use one of {', '.join(_TYPES)}"
        problems.add(place / "job_type", "is a type that is not supported", remedy=remedy)
    commands = _commands(draft, problems)
    cron = _cron(place / "schedule" / "cron", entry, problems)
    return _Content(
        commands=commands,
        steps=_steps(place / "execute_steps", commands, problems),
        compare_changes_flags=_compare_changes_flags(draft, problems),
        cron=cron,
        timezone=_timezone(place / "schedule" / "timezone", entry, timezone, problems),
        dbt_version=job_version(place / "dbt_version", entry.dbt_version, problems),
        variables=job_variables(place / "custom_environment_variables", base, problems),
        triggers=_triggers(draft, has_cron=bool(cron), problems=problems),
        deferral=others.deferral(draft, problems),
        completion=completion(draft, others, problems),
        off=problems.off(place),  # the last: by now all of it is known
    )


def _commands(draft: Draft, problems: Problems) -> tuple[str, ...]:
    written = draft.entry.execute_steps
    if written is None and draft.ours:
        return _COMMANDS.get(draft.entry.job_type, ("dbt build",))
    if not written:
        what = "is missing" if written is None else "has no command"
        remedy = "list at least one, such as `- dbt build`"
        problems.add(draft.place / "execute_steps", what, remedy=remedy)
    return tuple(written or ())


def _steps(
    place: Place, commands: tuple[str, ...], problems: Problems
) -> tuple[tuple[str, ...], ...]:
    steps: list[tuple[str, ...]] = []
    for index, command in enumerate(commands):
        try:
            steps.append(arguments(command))
        except CommandError as error:
            problems.add(place / index, error.what, found=error.found, remedy=error.remedy)
            continue
        fault = unrunnable(steps[-1])
        if fault is not None:
            at, what = place / index, fault.what
            problems.turn_off("job", at, what, found=fault.found, remedy=fault.remedy)
    return tuple(steps)


def _compare_changes_flags(draft: Draft, problems: Problems) -> tuple[str, ...]:
    try:
        return selection_flags(draft.entry.compare_changes_flags)
    except CommandError as error:
        at = draft.place / "compare_changes_flags"
        problems.add(at, error.what, found=error.found, remedy=error.remedy)
        return ()


def _cron(place: Place, entry: JobEntry, problems: Problems) -> tuple[str, ...]:
    lines = tuple(entry.schedule.cron) if entry.schedule else ()
    for index, line in enumerate(lines):
        fault = cron_fault(line)
        if fault is not None:
            at = place / index if not place.scalar else place
            remedy = "write five fields, such as '30 5 * * MON-FRI'"
            problems.add(at, fault, remedy=remedy)
    return lines


def _timezone(place: Place, entry: JobEntry, default: str, problems: Problems) -> str:
    name = entry.schedule.timezone if entry.schedule else None
    if name is None:
        return default
    check_timezone(place, name, problems)
    return name


def check_timezone(place: Place, name: str, problems: Problems) -> None:
    """Note a problem when `name` is no time zone."""
    fault = timezone_fault(name)
    if fault is not None:
        problems.add(place, fault, remedy="use a name of the IANA list, such as Europe/Berlin")


def _triggers(draft: Draft, *, has_cron: bool, problems: Problems) -> _Triggers:
    """Return the triggers of a job; one written our way needs none, its type says enough."""
    entry, given = draft.entry, draft.entry.triggers
    stated = given.model_fields_set
    webhooks = {"github_webhook", "git_provider_webhook"}
    scheduled = given.schedule if "schedule" in stated else draft.ours and has_cron
    merge = given.on_merge if "on_merge" in stated else draft.ours and entry.job_type == "merge"
    pull_request = given.github_webhook or given.git_provider_webhook
    if draft.ours and not webhooks & stated:
        pull_request = entry.job_type == "ci"
    if scheduled and not has_cron and entry.job_type not in ("ci", "merge"):
        remedy = "add `schedule.cron`, or set `triggers.schedule` to false"
        problems.add(draft.place / "schedule" / "cron", "is missing", remedy=remedy)
    active = not entry.deactivated
    return _Triggers(
        scheduled=active and scheduled and has_cron,
        on_merge=active and merge,
        on_pull_request=active and pull_request,
    )

"""The overrides of one run: other steps or settings than its job has; the next has none of them.

They are those of dbt Cloud's `TriggerRunRequest`. Commit, branch and schema are tags of the run,
all others are in its configuration in Dagster.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, cast

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from deploy_project.config.files.model import LARGEST_COUNT, LONGEST_NAME, MOST_THREADS, TARGET
from deploy_project.config.resolve.drafts import REQUESTED, dagster_name
from deploy_project.config.resolve.versions import is_version, meant
from deploy_project.config.values.commands import CommandError, arguments
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.config.values.subcommands import unrunnable
from deploy_project.errors import ConfigError
from deploy_project.runs.model import tags
from deploy_project.runs.model.plan import CLONE

MOST_STEPS = 100
_SHOWN = 80


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Overrides:
    """The overrides of a run; None, and no steps, leave the job's own."""

    steps: Annotated[tuple[StrictStr, ...], Field(max_length=MOST_STEPS)] = ()
    """Commands in place of the job's, each beginning with `dbt`."""
    threads: Annotated[StrictInt, Field(ge=1, le=MOST_THREADS)] | None = None
    target_name: Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_NAME)] | None = None
    dbt_version: StrictStr | None = None
    """As in a jobs file: `1.10.*`, or a release track of dbt Cloud's, the environment's own."""
    timeout_seconds: Annotated[StrictInt, Field(ge=0, le=LARGEST_COUNT)] | None = None
    """0 is no limit."""
    generate_docs: StrictBool | None = None

    @property
    def changes_steps(self) -> bool:
        """Whether the run has other steps than its job has."""
        return bool(self.steps) or self.generate_docs is not None

    @property
    def written(self) -> dict[str, Any]:
        """The overrides that there are, as `read` takes them."""
        stated = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {**stated, **({"steps": list(self.steps)} if self.steps else {})}

    def applied(self, job: Job) -> Job:
        """Return `job` as this run has it."""
        given: dict[str, Any] = {
            "threads": self.threads,
            "target_name": self.target_name,
            "timeout_seconds": self.timeout_seconds,
            "generate_docs": self.generate_docs,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        if self.dbt_version is not None:
            changed["dbt_version"] = meant(self.dbt_version)
        if self.steps:
            changed |= {"commands": self.steps, "steps": tuple(map(arguments, self.steps))}
        return replace(job, **changed) if changed else job


def told(asked: Mapping[str, Any]) -> str:
    """Return overrides, as `Overrides.written` has them, for people: `threads 8, docs off`.

    Empty for none.
    """
    timeout = asked.get("timeout_seconds")
    words = {
        "steps": ", ".join(f"`{each}`" for each in asked.get("steps", ())),
        "threads": asked.get("threads"),
        "target name": asked.get("target_name"),
        "dbt version": asked.get("dbt_version"),
        "timeout": None if timeout is None else f"{timeout} s",
        "docs": {True: "on", False: "off"}.get(asked.get("generate_docs", "")),
    }
    return ", ".join(f"{name} {each}" for name, each in words.items() if each)


_ADAPTER = TypeAdapter(Overrides)
NONE = Overrides()
PLAN = "plan"
"""The op of the job for any steps that has their configuration."""


def job_name(environment: str) -> str:
    """Return the name of the Dagster job that runs any steps in `environment`."""
    return dagster_name(environment, REQUESTED)


def config_of_job(asked: Overrides) -> dict[str, Any]:
    """Return the run configuration of a job's own run; empty for one without overrides."""
    return {"ops": {CLONE: {"config": asked.written}}} if asked.written else {}


def config_of_steps(job: Job, asked: Overrides) -> dict[str, Any]:
    """Return the run configuration of a run of `job` by the job for any steps."""
    return {"ops": {PLAN: {"config": {"job": job.name, **asked.written}}}}


def job_asked_for(run_config: Mapping[str, Any]) -> str:
    """Return the job that the configuration of a run of any steps names; empty for none."""
    named = _config(run_config, PLAN).get("job")
    return named if isinstance(named, str) else ""


def job_of(
    dagster_job: str,
    own: Mapping[str, str],
    run_config: Mapping[str, Any],
    deployment: Deployment,
) -> Job | None:
    """Return the deployment job that a run of Dagster's job is a run of, as configured.

    Its `own` tag names it; for one that was started in the launchpad with other steps, its
    configuration does, by the job's name or identifier. None for a run of no job.
    """
    named = tags.current(own).get(tags.JOB) or job_asked_for(run_config)
    named = named or (dagster_job if dagster_job in deployment.jobs else "")
    if named in deployment.jobs:
        return deployment.jobs[named]
    return next(
        (
            job
            for job in deployment.jobs.values()
            if job.identifier == named and dagster_job == job_name(job.environment.name)
        ),
        None,
    )


def of_config(run_config: Mapping[str, Any]) -> Overrides:
    """Return the overrides that the configuration of a run has; raise `ConfigError` as `read`."""
    return read(asked_for(run_config))


def asked_for(run_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the overrides that the configuration of a run has, valid or not."""
    given = {**_config(run_config, CLONE), **_config(run_config, PLAN)}
    return {name: value for name, value in given.items() if name != "job"}


def _config(run_config: Any, op: str) -> Mapping[str, Any]:
    """Return the configuration of one op; none where it has another shape."""
    found = run_config
    for key in ("ops", op, "config"):
        found = cast(Mapping[str, Any], found).get(key) if isinstance(found, Mapping) else None
    return cast(Mapping[str, Any], found) if isinstance(found, Mapping) else {}


def read(given: Mapping[str, Any], *, suffix: str = "") -> Overrides:
    """Return the overrides in `given`, by the names of the fields; those that are None are none.

    Raises `ConfigError` with a line for each problem, which names the override, with the `suffix`
    that the API's fields have, what was found and what to do.
    """
    stated = {name: value for name, value in given.items() if value is not None}
    try:
        found = _ADAPTER.validate_python(stated)
    except ValidationError as error:
        raise ConfigError("\n".join(_line(each, suffix) for each in error.errors())) from None
    problems = list(_problems(found, suffix))
    if problems:
        raise ConfigError("\n".join(problems))
    return found


def _line(error: Any, suffix: str) -> str:
    name, *within = map(str, error["loc"])
    where = ".".join([name + suffix, *within])
    if error["type"] == "unexpected_keyword_argument":
        known = ", ".join(Overrides.__dataclass_fields__)
        return f"override {where!r} is none of a run's; it has {known}"
    found = repr(error["input"])[:_SHOWN]
    return f"override {where!r}: {error['msg']}, found {found}; give another, or none"


def _problems(found: Overrides, suffix: str) -> Iterator[str]:
    for index, command in enumerate(found.steps):
        where = f"override 'steps{suffix}.{index}': the command"
        try:
            fault = unrunnable(arguments(command))
        except CommandError as error:
            yield f"{where} {error.what}, found {error.found}; {error.remedy}"
        else:
            if fault is not None:
                yield f"{where} {fault.what}, found {fault.found}; {fault.remedy}"
    if found.target_name is not None and not re.fullmatch(TARGET, found.target_name):
        yield (
            f"override 'target_name{suffix}' is no name of a target, found {found.target_name!r}; "
            "use letters (A-Z, a-z), digits, '_', '-', '.' and spaces, beginning with none of the "
            "last three"
        )
    version = found.dbt_version
    if version is not None and not is_version(meant(version) or "1.10"):
        yield (
            f"override 'dbt_version{suffix}' is not a version of dbt, found {version!r}; write it "
            "like '1.10', '1.10.3' or '1.10.*'"
        )

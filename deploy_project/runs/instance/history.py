"""The run history: Dagster's instance opened, its past runs listed and found."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from deploy_project.config.environment import dagster_home
from deploy_project.errors import ConfigError, LaunchError
from deploy_project.runs.instance.records import tagged
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Trigger

_SHOWN = 5


@dataclass(frozen=True)
class PastRun:
    """One run of the history, ended or not."""

    id: str
    job: str
    status: Status
    """In dbt Cloud's words."""
    trigger: Trigger
    commit: str
    """Empty until the run has resolved it; so is `branch`."""
    branch: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    failed_steps: str = ""
    """The check-boxes that have failed without failing it: `docs`."""

    @property
    def seconds(self) -> float | None:
        """The seconds that it has run; None before it starts."""
        if self.started_at is None:
            return None
        return ((self.ended_at or datetime.now(UTC)) - self.started_at).total_seconds()


@contextmanager
def opened() -> Generator[dg.DagsterInstance]:
    """Open Dagster's instance: that of `DAGSTER_HOME`, else of dagster.yaml in this directory.

    Raises `ConfigError` when there is none: Dagster would have kept its history in a temporary
    directory.
    """
    home = dagster_home()
    if home is None and not Path("dagster.yaml").is_file():
        raise ConfigError(
            f"there is no dagster.yaml in {str(Path.cwd())!r}, so Dagster keeps no history there; "
            "go to the directory that Dagster is started in, set DAGSTER_HOME, or write one with "
            "`deploy-project init`"
        )
    try:
        instance = dg.DagsterInstance.from_config(str(home or Path.cwd()))
    except Exception as error:  # any that the storage named in dagster.yaml raises
        because = f": {error.__cause__}" if error.__cause__ else ""
        raise ConfigError(
            f"Dagster's instance can't be opened: {error}{because}; correct dagster.yaml, or what "
            "it refers to"
        ) from error
    with instance:
        yield instance


def place() -> str:
    """Return the path of the dagster.yaml of the instance that `opened` opens."""
    return f"{(dagster_home() or Path.cwd()) / 'dagster.yaml'}"


def latest(
    instance: dg.DagsterInstance,
    *,
    limit: int,
    job: str | None = None,
    status: Status | None = None,
    commit: str | None = None,
) -> list[PastRun]:
    """Return the newest runs, newest first: of `job`, or of all deployment jobs.

    `commit` is a full id.
    """
    jobs = _known_jobs(instance) if job is None else [job]
    if not jobs:
        return []
    wanted = {tags.JOB: jobs, **({tags.FULL_COMMIT: commit} if commit is not None else {})}
    statuses = _of_dagster(status) if status is not None else None
    return [_past_run(each) for each in tagged(instance, wanted, statuses=statuses, limit=limit)]


def _of_dagster(status: Status) -> list[dg.DagsterRunStatus]:
    return [each for each in dg.DagsterRunStatus if Status.of(each) is status]


def find(instance: dg.DagsterInstance, text: str) -> PastRun:
    """Return the run that `text` names: by its id, the beginning of its id, or its number.

    Raises `LaunchError` when there is none, or more than one.
    """
    found = matching(instance.get_run_ids(), text)
    if not found:
        raise LaunchError(
            f"no run is called {text!r} in the history of {place()}; `deploy-project runs` lists "
            "the latest, and runs of another deployment are known where that one is"
        )
    if len(found) > 1:
        some = ", ".join(found[:_SHOWN]) + (" …" if len(found) > _SHOWN else "")
        raise LaunchError(f"{text!r} names {len(found)} runs: {some}; write more of the id")
    return by_id(instance, found[0])


def by_id(instance: dg.DagsterInstance, run_id: str) -> PastRun:
    """Return the run `run_id` as it stands now; raise `LaunchError` when there is none."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise LaunchError(
            f"run {run_id} is not in this Dagster's history: it was deleted, or is another "
            "deployment's; start the job itself"
        )
    return _past_run(record)


def matching(run_ids: Iterable[str], text: str) -> list[str]:
    """Return the `run_ids` that begin with `text`, or have it as their number."""
    wanted = text.strip().lower()
    number = (
        f"{int(wanted):012x}"
        if len(wanted) < 16 and wanted.isascii() and wanted.isdecimal()
        else None
    )
    return [
        each
        for each in run_ids
        if wanted and (each.startswith(wanted) or each.replace("-", "")[:12] == number)
    ]


def _known_jobs(instance: dg.DagsterInstance) -> list[str]:
    """Return every deployment job that has ever run, also those that are configured no longer."""
    keys = [tags.JOB, tags.plain(tags.JOB)]
    return sorted({job for _, jobs in instance.get_run_tags(tag_keys=keys) for job in jobs})


def _past_run(record: dg.RunRecord) -> PastRun:
    run, own = record.dagster_run, tags.current(record.dagster_run.tags)
    return PastRun(
        id=run.run_id,
        job=own.get(tags.JOB, run.job_name),
        status=Status.of(run.status),
        trigger=tags.trigger(run.tags, from_location=run.remote_job_origin is not None),
        commit=tags.commit(run.tags) or "",
        branch=tags.branch(run.tags) or "",
        created_at=record.create_timestamp,
        started_at=_moment(record.start_time),
        ended_at=_moment(record.end_time),
        # A run that has not begun has this tag of the run that it repeats.
        failed_steps=own.get(tags.FAILED_STEPS, "") if record.start_time else "",
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

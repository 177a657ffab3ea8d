"""`deploy-project runs`: prints the latest runs as a table."""

from argparse import Namespace
from collections.abc import Sequence

from deploy_project.cli.commits import full_commit
from deploy_project.cli.context import loaded
from deploy_project.cli.table import table
from deploy_project.config.values.named import named_job
from deploy_project.runs.instance import history
from deploy_project.runs.instance.history import PastRun
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status, told
from deploy_project.runs.timing.model_timing import duration_text

_HEAD = (
    *("run", "number", "job", "trigger", "status", "commit"),
    *("branch", "started", "duration", "cause"),
)


def runs(*, job: str | None, status: Status | None, commit: str | None, limit: int) -> int:
    """Print the latest runs of deployment jobs, the newest first; `commit` is a full id."""
    name = named_job(loaded()[1], job).name if job is not None else None
    wanted = full_commit(commit) if commit is not None else None
    with history.opened() as instance:
        found = history.latest(instance, limit=limit, job=name, status=status, commit=wanted)
    print(listed(found) if found else "No runs.")
    return 0


def listed(found: Sequence[PastRun]) -> str:
    """Return a table of runs; times are those of this machine's time zone."""
    return table(_HEAD, [_row(each) for each in found])


def _row(run: PastRun) -> list[str]:
    began = run.started_at
    return [
        run.id[:8],
        str(tags.run_number(run.id)),
        run.job,
        run.trigger.category,
        told(run.status, run.failed_steps),
        run.commit[:7],
        run.branch,
        f"{began.astimezone():%Y-%m-%d %H:%M:%S}" if began else "",
        duration_text(run.seconds) if run.seconds is not None else "",
        run.trigger.cause,
    ]


def act(given: Namespace) -> int:
    """Carry out `runs` as it was given on the command line; return the exit code."""
    status = Status(given.status.capitalize()) if given.status is not None else None
    return runs(job=given.job, status=status, commit=given.commit, limit=given.limit)

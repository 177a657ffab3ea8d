"""The request of a retry, and the past run that it goes on from."""

import shlex
from collections.abc import Sequence

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.errors import LaunchError
from deploy_project.runs.model import tags
from deploy_project.runs.model.plan import steps
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.step_files import recorded_steps
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.requests.request import Request
from deploy_project.runs.retry import refusal
from deploy_project.runs.retry.refusal import Past
from deploy_project.runs.retry.resumption import previous

_OF_ITS_OWN = frozenset(
    {tags.COMMIT, tags.FULL_COMMIT, tags.BRANCH, tags.HIDDEN_BRANCH, tags.TRIGGER, tags.CAUSE}
    | {tags.FACTS, tags.FAILED_STEPS, tags.RESUMED_RUN, tags.RETRY_SELECT, tags.SAME_COMMIT}
    | {tags.WHO, tags.REPEATS, tags.STRANGER, tags.IDEMPOTENCY, tags.IDEMPOTENT_BODY}
    | {tags.COMMIT_OVERRIDE, tags.CANCELLED_BY}
    | {tags.RUN_NUMBER, tags.DEFINITION, tags.REACTIVATES, tags.DEPLOYED_BY, tags.UPSTREAM_RUN}
)


def past(known: Runs, run_id: str, job: Job, deployment: Deployment, state: StateDirectory) -> Past:
    """Return the past run `run_id` of `job`, as `refusal` and `remaining` take it."""
    found = known.instance.get_run_by_id(run_id)
    assert found is not None
    run = Run.of(found, job, deployment, state)
    chain = steps(run.job)
    records = recorded_steps(run)
    left = refusal.remaining(chain, records)
    newest = known.newest(Wanted(jobs={job.name}))
    return Past(
        run_id=run_id,
        status=Status.of(found.status),
        steps=chain,
        records=records,
        has_results=bool(left and previous(run, left[0])),
        latest=newest.id if newest is not None else run_id,
    )


def retry(
    instance: dg.DagsterInstance,
    run_id: str,
    *,
    who: str = "",
    from_start: bool = False,
    same_commit: bool = False,
    select: Sequence[str] = (),
) -> Request:
    """Return the request of a run that retries another one, from its failure or from its start.

    Its tags are that run's, as Dagster's own re-execution has it, save those of its commit and
    cause; its overrides are that run's, too. Raises `LaunchError` when its commit is wanted and it
    has none.
    """
    found = instance.get_run_by_id(run_id)
    assert found is not None
    own = tags.current(found.tags)
    commit, of_pull_request = tags.commit(own), tags.PULL_REQUEST in own
    if same_commit and not commit:
        raise LaunchError(
            f"run {run_id} ended before it had a commit; leave `--same-commit` out to build the "
            "head of the branch"
        )
    stays = same_commit or of_pull_request
    code = tags.of_code(commit, tags.branch(own), of_pull_request=of_pull_request) if commit else {}
    asked = {
        **{name: each for name, each in own.items() if _is_inherited(name)},
        tags.PARENT: run_id,
        tags.TRIGGER: "rerun",
        tags.REPEATS: run_id,
        **({tags.WHO: who[: tags.LONGEST_CAUSE]} if who else {}),
        tags.ROOT: own.get(tags.ROOT, run_id),
        **({} if from_start else {tags.RESUMED_RUN: run_id}),
        **(code if stays else {}),
        **({tags.SAME_COMMIT: "true"} if same_commit else {}),
        **({tags.RETRY_SELECT: shlex.join(select)} if select else {}),
    }
    return Request(found.job_name, asked, found.run_config)


def _is_inherited(name: str) -> bool:
    is_ours = tags.plain(name) != name
    return name not in _OF_ITS_OWN and (is_ours or not name.startswith(("dagster/", ".dagster/")))

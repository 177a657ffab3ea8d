"""Tags, origin and first console lines of a run: parts that are off, the queue, reactivation."""

import dagster as dg

from deploy_project.orchestration.internals import origin, run_queue
from deploy_project.orchestration.jobs.queue import unguaranteed
from deploy_project.runs.instance import deactivation
from deploy_project.runs.model import tags
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.streak import fingerprint


def first_lines(instance: dg.DagsterInstance, dagster_run: dg.DagsterRun, run: Run) -> list[str]:
    """Tag the run for the count of its job's failures; return the first lines of its console."""
    noted = {**own_tags(dagster_run, run), tags.DEFINITION: fingerprint(run.configured)}
    said = [str(each) for each in run.job.off if each.part != "job"]  # that is the step's failure
    known = None
    if tags.JOB not in dagster_run.tags:  # one of the launchpad's has got its job's tags just now
        known = instance.get_run_by_id(run.id)
    promise = unguaranteed(
        tags.counted((known or dagster_run).tags),
        run_queue.queue_rules(instance),
        waited=dagster_run.remote_job_origin is not None,
    )
    if promise is not None:
        said.append(promise)
    if deactivation.reactivates(instance, run.configured, dagster_run, run.trigger):
        noted[tags.REACTIVATES] = run.id
        said.append("This run reactivates the job: its triggers start it again.")
    if noted.items() - dagster_run.tags.items():
        instance.add_run_tags(run.id, noted)
    if dagster_run.remote_job_origin is None:
        origin.adopt(instance, run.id, location=tags.LOCATION, repository=tags.REPOSITORY)
    return said


def own_tags(dagster_run: dg.DagsterRun, run: Run) -> dict[str, str]:
    """Return the tags of the run's own trigger; those of a rerun's parent become empty."""
    found = tags.current(dagster_run.tags)
    inherited = [
        *(tags.DEPLOYED_BY, tags.FACTS, tags.FAILED_STEPS, tags.UPSTREAM_RUN, tags.STRANGER),
        tags.CANCELLED_BY,
    ]
    if not run.who:
        inherited.append(tags.WHO)
    if run.commit is None:  # the first step finds it
        inherited += [tags.COMMIT, tags.FULL_COMMIT]
    gone = [name for name in inherited if found.get(name)] if run.is_rerun else []
    return {
        tags.TRIGGER: run.trigger.category,
        tags.CAUSE: run.trigger.cause,
        **dict.fromkeys(gone, ""),
    }

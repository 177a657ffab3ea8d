"""All Dagster definitions of one deployment: assets, checks, jobs, schedules and sensors."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from deploy_project.ci.pulls.finders import finders
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job
from deploy_project.errors import DeployError
from deploy_project.git.checkouts import project_directory
from deploy_project.orchestration.catalog.assets import environment_assets
from deploy_project.orchestration.catalog.built_by import built_by
from deploy_project.orchestration.catalog.checks import source_checks
from deploy_project.orchestration.catalog.own_names import differing, keep, own_names
from deploy_project.orchestration.catalog.record_checks import record_checks
from deploy_project.orchestration.catalog.translations import (
    Translation,
    import_alone,
    translations,
)
from deploy_project.orchestration.jobs.by_hand import ByHand
from deploy_project.orchestration.jobs.requested import requested_job
from deploy_project.orchestration.jobs.run_end import EndListener
from deploy_project.orchestration.jobs.steps import deployment_job
from deploy_project.orchestration.nodes.node_facts import ManifestContent, group_name
from deploy_project.orchestration.nodes.notes import Tell, reason, shortened
from deploy_project.orchestration.triggers.clean_up import Sweeps
from deploy_project.orchestration.triggers.completion_sensor import completion_sensor
from deploy_project.orchestration.triggers.merges import MergeWatch, merge_sensor
from deploy_project.orchestration.triggers.notifications import telling_sensors
from deploy_project.orchestration.triggers.pull_requests import PullWatch, pull_sensor
from deploy_project.orchestration.triggers.run_records import ends_sensor
from deploy_project.orchestration.triggers.schedules import schedule
from deploy_project.releases import pointer
from deploy_project.releases.pointer import Pointer
from deploy_project.releases.questions import selections
from deploy_project.runs.instance.identity import ASSET, Identity
from deploy_project.runs.model.tags import LOCATION
from deploy_project.runs.outcome.finish import (
    pull_requests_of,
    record_asset,
    record_assets,
    records,
)
from deploy_project.runs.store.artifacts import Artifacts, is_local

_LOG = logging.getLogger("dagster.deploy_project")


def deployed_pointers(deployment: Deployment, state: StateDirectory) -> dict[str, str]:
    """Return the deployed pointers by environment, as text; empty for none."""
    found = {name: pointer.deployed(state, name) for name in deployment.environments}
    return {name: str(each or "") for name, each in found.items()}


def log_warnings(deployment: Deployment) -> None:
    """Log the deployment's warnings, such as jobs that are off, while its definitions load."""
    log = dg.get_dagster_logger("deploy_project")
    for each in deployment.warnings:
        log.warning(each)


def spare_dbt(deployment: Deployment) -> None:
    """Import dagster-dbt without dbt's modules, unless a project's translator may need them."""
    if not any(each.translator for each in deployment.projects.values()):
        import_alone()


def definitions(
    deployment: Deployment,
    state: StateDirectory,
    *,
    pointers: Mapping[str, str],
    listeners: Sequence[EndListener],
    only: str | None = None,
) -> dg.Definitions:
    """Return the definitions of `deployment` at the commits that `pointers` name.

    The `listeners` hear of each run's end. Neither the network nor dbt is asked for anything.
    `only` names the job that this process is there to execute, if it is: a deployment job goes by
    its own commit, and not by the models, which take longest to load. No such process
    imports dagster-dbt.
    """
    jobs = {
        job.name: deployment_job(job, deployment, state, listeners)
        for job in deployment.jobs.values()
    }
    schedules = [schedule(job, jobs[job.name]) for job in deployment.jobs.values()]
    watches = [
        MergeWatch(project, deployment, state, pointers) for project in deployment.projects.values()
    ]
    pulls = [PullWatch(each, deployment, state) for each in deployment.projects.values()]
    sweeps = Sweeps(deployment, state, finders(deployment, state))
    sweep_jobs = sweeps.jobs()
    requested_jobs = [
        requested_job(each, deployment, state, listeners)
        for each in deployment.environments.values()
    ]
    own = {*jobs, *sweep_jobs, *(each.name for each in requested_jobs)}
    catalogs = [
        _catalog(
            *(deployment, each, state, Pointer.parse(pointers.get(each.name, ""))),
            shown=only is None,
        )
        for each in deployment.environments.values()
        if only not in own
    ]
    return dg.Definitions.merge(
        dg.Definitions(
            assets=[identity_asset(deployment), *run_records(deployment)],
            jobs=[*jobs.values(), *requested_jobs],
            schedules=[each for each in schedules if each is not None],
            sensors=[
                *(merge_sensor(watch, jobs) for watch in watches if watch.environments),
                *(pull_sensor(watch, {**jobs, **sweep_jobs}) for watch in pulls if watch.jobs),
                *filter(None, [completion_sensor(deployment, jobs)]),
                ends_sensor(deployment, state, listeners),
                *telling_sensors(deployment, state),
            ],
        ),
        dg.Definitions(jobs=list(sweep_jobs.values()), schedules=sweeps.schedules(sweep_jobs)),
        dg.Definitions(asset_checks=record_checks(deployment) if catalogs else []),
        *catalogs,
    )


def identity_asset(deployment: Deployment) -> dg.AssetSpec:
    """Return the asset that identifies the deployment of a Dagster instance."""
    return dg.AssetSpec(
        dg.AssetKey(ASSET),
        description=(
            "This deployment. Before `deploy-project` asks a Dagster to start, retry or cancel a "
            "run, or to load its definitions again, it makes sure that it is this one's: each "
            "observation here is such a question."
        ),
        group_name=LOCATION,
        metadata=Identity.of(deployment).metadata,
    )


def run_records(deployment: Deployment) -> Iterator[dg.AssetSpec]:
    """Yield an asset for each job, to hold the records of its runs (DESIGN 5)."""
    for job, of_pull_requests in records(deployment):
        yield _record_of(job, of_pull_requests=of_pull_requests)


def _record_of(job: Job, *, of_pull_requests: bool) -> dg.AssetSpec:
    which = " for pull requests, by their numbers" if of_pull_requests else ""
    project = job.environment.project
    return dg.AssetSpec(
        record_asset(job, of_pull_requests=of_pull_requests),
        description=f"The runs of the job {job.title!r}{which}: one materialization for each.",
        group_name=group_name(job.environment.name, "ci" if of_pull_requests else "jobs"),
        kinds={"dbt"},
        metadata={"job": dg.MetadataValue.job(job.name, location_name=LOCATION)},
        partitions_def=pull_requests_of(project) if of_pull_requests else None,
    )


def _catalog(
    deployment: Deployment,
    environment: Environment,
    state: StateDirectory,
    at: Pointer | None,
    *,
    shown: bool,
) -> dg.Definitions:
    """Return the assets and checks of one environment at its deployed commit.

    They are `shown` by a code server, and else there to be built.
    """
    if at is None:
        return dg.Definitions(assets=[_nothing_yet(environment)])
    told: list[str] = []
    try:
        found = _deployed(deployment, environment, state, at, shown=shown, tell=told.append)
    except DeployError as error:  # a deleted cache must not take the schedules down
        found = dg.Definitions(assets=[_not_shown(environment, at, str(error))])
    except Exception as error:  # nor what Dagster refuses in somebody's project
        _LOG.debug("The models of environment %r can't be shown", environment.name, exc_info=True)
        told.append(f"no model is shown: {reason(error)}")
        found = dg.Definitions(assets=[_not_shown(environment, at, reason(error))])
    for line in shortened(told):
        _LOG.warning("%s: %s", environment.name, line)
    return found


def notes(deployment: Deployment, environment: Environment, state: StateDirectory) -> list[str]:
    """Return a line for each node of the deployed commit that is not shown as it is in dbt."""
    at = pointer.deployed(state, environment.name)
    found: list[str] = []
    if at is not None:
        try:
            _deployed(deployment, environment, state, at, shown=True, tell=found.append)
        except Exception as error:
            found.append(f"no model is shown: {reason(error)}")
    return shortened(found)


def _deployed(
    deployment: Deployment,
    environment: Environment,
    state: StateDirectory,
    at: Pointer,
    *,
    shown: bool,
    tell: Tell,
) -> dg.Definitions:
    """Return the assets and checks; raise a `DeployError` for a commit without its files."""
    project_directory(state.checkout(environment.project.name, at.commit), environment.project)
    manifest = pointer.shown_manifest(state, environment, at)
    translated: Mapping[str, Translation] = {}
    if shown:
        translated = translations(environment.project.translator, manifest, tell=tell)
        names = differing(translated, manifest)
        keep(state, environment, at.commit, names)
    else:
        file = pointer.manifest_file(state, environment, at)
        names = own_names(environment, at.commit, file, state)
    reserved = record_assets(deployment)
    by_hand = ByHand(environment, manifest, at.commit, deployment, state)
    assets = environment_assets(
        environment,
        manifest=manifest,
        commit=at.commit,
        docs_url=deployment.docs_url,
        catalog=_docs_catalog(Artifacts.of(deployment, state), environment),
        build=by_hand.build,
        reserved=reserved,
        translated=translated,
        names=names,
        built_by=_built_by(deployment, environment, manifest, state, at) if shown else {},
        tell=tell,
    )
    checks = source_checks(
        environment,
        manifest=manifest,
        build=by_hand.check,
        reserved=reserved,
        names=names,
        tell=tell,
    )
    return dg.Definitions(assets=assets, asset_checks=checks)


def _built_by(
    deployment: Deployment,
    environment: Environment,
    manifest: ManifestContent,
    state: StateDirectory,
    at: Pointer,
) -> Mapping[str, str]:
    checkout = state.checkout(environment.project.name, at.commit)
    wanted = selections.asked(deployment.jobs_in(environment))
    answers = selections.told(checkout, at.parsed, wanted)
    return built_by(deployment, environment, manifest, answers)


def _docs_catalog(artifacts: Artifacts, environment: Environment) -> dict[str, Any] | None:
    if not is_local(artifacts.root):
        return None  # loading must not wait for an object store
    try:
        docs = artifacts.published(artifacts.environment(environment.name), "docs")
        file = docs / "catalog.json" if docs is not None else None
        return json.loads(file.read_bytes()) if file is not None and file.exists() else None
    except (DeployError, OSError, ValueError):
        return None  # damaged docs cost the types of columns, not the definitions


def _not_shown(environment: Environment, at: Pointer, why: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey([environment.name, "not_shown"]),
        group_name=group_name(environment.name, "jobs"),
        description=(
            f"Commit {at.commit} is deployed to {environment.name!r}, but its models can't be "
            f"shown: {why}. Jobs and schedules work all the same. The merge sensor's next tick "
            "makes deleted files again, and so does the next run of the branch's head; by hand, "
            f"`deploy-project deploy {environment.name}`."
        ),
    )


def _nothing_yet(environment: Environment) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey([environment.name, "not_deployed_yet"]),
        group_name=group_name(environment.name, "jobs"),
        description=(
            f"Nothing was deployed to {environment.name!r} yet, so its models are not shown. The "
            "first run of one of its jobs deploys, and so does the merge sensor's first tick; by "
            f"hand, `deploy-project deploy {environment.name}`."
        ),
    )

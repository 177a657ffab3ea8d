"""The sensors that tell channels and webhooks of runs (DESIGN 20)."""

from datetime import UTC, datetime

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.notify.notifier import Notifier
from deploy_project.notify.webhooks.dispatcher import Dispatcher
from deploy_project.orchestration.internals.run_storage import index_beside
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store.artifacts import Artifacts

INTERVAL_SECONDS = 30


def notifications_sensor(
    deployment: Deployment, state: StateDirectory
) -> dg.SensorDefinition | None:
    """Return the sensor that tells channels the ends of runs; None without a rule.

    It has no cursor: what was told is remembered in the state directory.
    """
    if not deployment.notifications and not deployment.model_notifications:
        return None

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name="notifications",
        description=(
            "Tells channels the ends of runs by the rules of deploy.yaml, tries again what could "
            "not be delivered, and gives up after a day."
        ),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def notifications(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        runs = _runs(context.instance, deployment, state)
        said = Notifier(deployment, state, runs).tick(datetime.now(UTC))
        return dg.SkipReason("\n".join(said) or "Nothing is to be told")

    return notifications


def webhooks_sensor(deployment: Deployment, state: StateDirectory) -> dg.SensorDefinition | None:
    """Return the sensor that tells webhooks of runs; None where nobody can subscribe.

    It has no cursor: what was told is remembered in the state directory.
    """
    if not deployment.webhooks and not deployment.tokens:
        return None

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name="webhooks",
        description=(
            "Posts the events of runs to the subscriptions of deploy.yaml and of the API, and "
            "tries five times again."
        ),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def webhooks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        runs = _runs(context.instance, deployment, state)
        said = Dispatcher(deployment, state, runs).tick(datetime.now(UTC))
        return dg.SkipReason("\n".join(said) or "Nothing is to be told")

    return webhooks


def _runs(instance: dg.DagsterInstance, deployment: Deployment, state: StateDirectory) -> Runs:
    artifacts = Artifacts.of(deployment, state)
    return Runs(instance, artifacts=artifacts, index=index_beside(instance))

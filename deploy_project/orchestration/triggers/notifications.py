"""The sensor that tells channels the ends of runs (DESIGN 20)."""

from datetime import UTC, datetime

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.notify.notifier import Notifier
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
    if not deployment.notifications:
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
        instance = context.instance
        runs = Runs(
            instance, artifacts=Artifacts.of(deployment, state), index=index_beside(instance)
        )
        said = Notifier(deployment, state, runs).tick(datetime.now(UTC))
        return dg.SkipReason("\n".join(said) or "Nothing is to be told")

    return notifications

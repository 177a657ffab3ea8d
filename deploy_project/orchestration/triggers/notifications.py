"""The sensors that tell channels and webhooks of runs (DESIGN 20)."""

from collections.abc import Callable, Iterator
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
_Teller = Callable[[Deployment, StateDirectory, Runs], Notifier | Dispatcher]


def telling_sensors(deployment: Deployment, state: StateDirectory) -> Iterator[dg.SensorDefinition]:
    """Yield the sensors of channels and of webhooks, each where anybody can ask for messages.

    Whoever has a token may ask over the API.
    """
    if deployment.notifications or deployment.model_notifications or deployment.tokens:
        description = (
            "Tells channels the ends of runs by the rules of deploy.yaml and the notifications "
            "of the API, tries again what could not be delivered, and gives up after a day."
        )
        yield _sensor("notifications", description, Notifier, deployment, state)
    if deployment.webhooks or deployment.tokens:
        description = (
            "Posts the events of runs to the subscriptions of deploy.yaml and of the API, and "
            "tries five times again."
        )
        yield _sensor("webhooks", description, Dispatcher, deployment, state)


def _sensor(
    name: str, description: str, teller: _Teller, deployment: Deployment, state: StateDirectory
) -> dg.SensorDefinition:
    """Return a sensor without a cursor: the state directory has the memory of the runs told."""

    @dg.sensor(  # pyright: ignore[reportUnknownMemberType]
        name=name,
        description=description,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        artifacts = Artifacts.of(deployment, state)
        runs = Runs(context.instance, artifacts=artifacts, index=index_beside(context.instance))
        said = teller(deployment, state, runs).tick(datetime.now(UTC))
        return dg.SkipReason("\n".join(said) or "Nothing is to be told")

    return tell

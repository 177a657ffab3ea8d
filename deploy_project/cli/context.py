"""Loads the settings and the deployment that they name, as most commands do, and opens its runs."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from deploy_project.config.environment import Settings, addressed, settings
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token

if TYPE_CHECKING:
    from deploy_project.api.front.front import Front
    from deploy_project.runs.reads.read_model import Runs


def loaded() -> tuple[Settings, Deployment]:
    """Return the settings and the deployment; raise one `ConfigError` with every mistake."""
    found = settings()
    return found, addressed(load_deployment(found.config_file, state=found.state.root))


@contextmanager
def past_runs(found: Settings, deployment: Deployment) -> Generator["Runs"]:
    """Open the runs of the deployment; raise `ConfigError` when there is no Dagster's instance."""
    # Commands that need no Dagster begin a second sooner without it.
    from functools import partial

    from deploy_project.orchestration.internals.connections import keep_connections
    from deploy_project.orchestration.internals.run_storage import index_beside, matching_runs
    from deploy_project.runs.instance import history
    from deploy_project.runs.reads.read_model import Runs
    from deploy_project.runs.store.artifacts import Artifacts

    with history.opened() as instance:
        keep_connections(instance)
        yield Runs(
            instance,
            history.place(),
            artifacts=Artifacts.of(deployment, found.state),
            index=index_beside(instance),
            matching=partial(matching_runs, instance),
        )


@contextmanager
def front(
    found: Settings, deployment: Deployment, *, tokens: Sequence[Token] = ()
) -> Generator["Front"]:
    """Open the front of the deployment, which follows its files meanwhile.

    It takes `tokens` beside those of the files. Raises `ConfigError` as `past_runs` does.
    """
    from deploy_project.api.front.following import Configuration
    from deploy_project.api.front.front import Front

    own = {each.name: each for each in tokens}

    def with_own(files: Deployment) -> Deployment:
        return replace(files, tokens={**own, **files.tokens})

    configuration = Configuration(with_own(deployment), load=lambda: with_own(loaded()[1]))
    with past_runs(found, deployment) as known, configuration.followed():
        opened = Front(configuration, found.state, known)
        if not opened.reloads.are_done:  # jobs were changed, and this front or another has ended
            opened.reloads.ask()
        try:
            yield opened
        finally:
            opened.end()

"""The front, as it is reached from outside."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from deploy_project.api.app import create_app
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.api.server import listening, server
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.runs.reads.read_model import Runs
from tests.support.waiting import wait


@contextmanager
def served(
    deployment: Deployment, state: StateDirectory, *, runs: Runs | None = None
) -> Generator[str]:
    """Serve the front meanwhile, over `runs` if they are given; yield the address."""
    with dg.DagsterInstance.ephemeral() as empty, listening("127.0.0.1", 0) as listener:
        configuration = Configuration(deployment, load=lambda: deployment)
        running = server(create_app(Front(configuration, state, runs or Runs(empty))))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        wait(lambda: running.started, every=0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()

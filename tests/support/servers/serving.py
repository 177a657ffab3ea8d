"""The front, as it is reached from outside."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from deploy_project.api.app import create_app
from deploy_project.api.front.following import Configuration, Load
from deploy_project.api.front.front import Front
from deploy_project.api.server import Certificate, listening, server
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.runs.reads.read_model import Runs
from tests.support.waiting import wait


@contextmanager
def served(
    deployment: Deployment,
    state: StateDirectory,
    *,
    runs: Runs | None = None,
    load: Load | None = None,
    behind_proxy: bool = False,
    certificate: Certificate | None = None,
) -> Generator[str]:
    """Serve the front meanwhile, over `runs` if they are given; yield the address.

    `load` reads the deployment again; without it, it stays as it is.
    """
    with dg.DagsterInstance.ephemeral() as empty:
        configuration = Configuration(deployment, load=load or (lambda: deployment))
        front = Front(configuration, state, runs or Runs(empty))
        with running(front, behind_proxy=behind_proxy, certificate=certificate) as address:
            yield address


@contextmanager
def running(
    front: Front, *, behind_proxy: bool = False, certificate: Certificate | None = None
) -> Generator[str]:
    """Serve `front` meanwhile; yield the address."""
    app = create_app(front, on_loopback=not behind_proxy, behind_proxy=behind_proxy)
    with listening("127.0.0.1", 0) as listener:
        made = server(app, behind_proxy=behind_proxy, certificate=certificate)
        thread = threading.Thread(target=made.run, kwargs={"sockets": [listener]})
        thread.start()
        wait(lambda: made.started, every=0.01)
        try:
            scheme = "http" if certificate is None else "https"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            made.should_exit = True
            thread.join()
            front.end()

"""The docs server, as it is reached from outside."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from deploy_project.api.app import create_app
from deploy_project.api.server import listening, server
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from tests.support.waiting import wait


@contextmanager
def served(deployment: Deployment, state: StateDirectory) -> Generator[str]:
    """Serve the docs meanwhile; yield the address."""
    with listening("127.0.0.1", 0) as listener:
        running = server(create_app(deployment, state))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        wait(lambda: running.started, every=0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()

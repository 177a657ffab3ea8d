"""The configuration that follows its files while the server runs."""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from deploy_project.config.files.templates import Signature, signature
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import DeployError

SECONDS = 2.0
"""The time between two looks at the files."""
_LOG = logging.getLogger("deploy_project")
Load = Callable[[], Deployment]
"""Returns the deployment that the files describe; raises `DeployError` for wrong ones."""


class Configuration:
    """The deployment as its files have it; a wrong file leaves the last right one in force."""

    def __init__(self, deployment: Deployment, *, load: Load) -> None:
        """Begin with `deployment`; `load` reads it again."""
        self.deployment = deployment
        self.problem = ""
        """The error of the files as they are now; empty when they are in force."""
        self._load = load
        self._seen = _files(deployment)
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Load the files if they have changed since they were looked at last."""
        with self._lock:
            seen = _files(self.deployment)
            if seen == self._seen:
                return
            try:
                self.deployment = self._load()
            except DeployError as error:
                self.problem = str(error)
                _LOG.error("The configuration was not loaded, the one before stays: %s", error)
            else:
                self.problem = ""
                seen = _files(self.deployment)
            self._seen = seen

    @contextmanager
    def followed(self) -> Generator[None]:
        """Look at the files every `SECONDS` meanwhile, in a thread of its own."""
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(SECONDS):
                try:
                    self.refresh()
                except Exception:  # a file system that is away; the next look may find it
                    _LOG.exception("The files of the configuration could not be looked at")

        thread = threading.Thread(target=follow, name="configuration", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _files(deployment: Deployment) -> Signature:
    return signature(deployment.source, deployment.patterns)

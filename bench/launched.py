"""Launches runs as the UI does, and times them from their start to dbt's first node."""

import shutil
import signal
import subprocess
import time
import urllib.error
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.deployments import PROGRAMS, Deployed
from bench.measure import Failed
from bench.servers import PATIENCE, free_port, graphql

T = TypeVar("T")

_WORKSPACE = Path(__file__).parents[1] / "workspace.yaml"
_STARTING, _NODE = "RunStartingEvent", "AssetMaterializationPlannedEvent"
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
_LAUNCH = """
    mutation($parameters: ExecutionParams!) {
      launchRun(executionParams: $parameters) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
      }
    }
"""
_TERMINATE = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
_STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
_EVENTS = """
    query($run: ID!) {
      logsForRun(runId: $run, limit: 1000) {
        ... on EventConnection {
          events { __typename ... on MessageEvent { timestamp } }
        }
      }
    }
"""


@dataclass(frozen=True)
class Dagster:
    """A running `dagster dev` of one deployment."""

    url: str

    def until_first_node(self, job: str) -> float:
        """Launch a run of `job`, and cancel it once dbt has begun a node.

        Returns the seconds from the event that says that it is being started.
        """
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "deploy_project",
            "jobName": job,
        }
        parameters = {"selector": selector, "runConfigData": {}}
        answer = graphql(self.url, _LAUNCH, parameters=parameters)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise Failed(f"no run of {job} was launched: {answer}")
        run: str = answer["run"]["runId"]

        def begun() -> dict[str, float] | None:
            if self._status(run) in _ENDED:
                raise Failed(f"run {run} of {job} has ended before its first node")
            moments = self._moments(run)
            return moments if _NODE in moments else None

        moments = _awaited("a node", begun)
        graphql(self.url, _TERMINATE, run=run)
        _awaited("the end", lambda: self._status(run) in _ENDED)
        return moments[_NODE] - moments[_STARTING]

    def is_ready(self) -> bool:
        """Whether it has loaded the deployment."""
        with suppress(urllib.error.URLError, ConnectionError):
            found = graphql(
                self.url,
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }",
            )
            return bool(found["repositoriesOrError"].get("nodes"))
        return False

    def _moments(self, run: str) -> dict[str, float]:
        """Return the time of the first event of each kind, in seconds since 1970."""
        events = graphql(self.url, _EVENTS, run=run)["logsForRun"]["events"]
        return {each["__typename"]: float(each["timestamp"]) / 1000 for each in reversed(events)}

    def _status(self, run: str) -> str:
        return graphql(self.url, _STATUS, run=run)["runOrError"]["status"]


@contextmanager
def dagster_dev(deployed: Deployed) -> Generator[Dagster]:
    """Start Dagster as `make dev` does, with the settings that are shipped; end it again."""
    port = free_port()
    shutil.copy(_WORKSPACE, deployed.home)
    with (deployed.home / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAMS / "dagster"), "dev", "--port", str(port)],
            cwd=deployed.home,
            env=deployed.variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_interruptible,
        )
    try:
        dagster = Dagster(f"http://127.0.0.1:{port}")
        _awaited("Dagster", dagster.is_ready)
        yield dagster
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def _interruptible() -> None:
    # A shell that starts us in the background ignores SIGINT, and Dagster then SIGTERM as well.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _awaited(what: str, found: Callable[[], T | None]) -> T:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if value := found():
            return value
        time.sleep(0.2)
    raise Failed(f"{what} did not come within {PATIENCE} seconds")

"""Runs that are launched as the UI launches them, and how long they take to begin with dbt."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from asking import free_port
from deployments import Deployed

T = TypeVar("T")

_PRODUCT = Path(__file__).parents[1]
_PATIENCE = 120  # seconds
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
          events { __typename ... on MessageEvent { timestamp stepKey message } }
        }
      }
    }
"""


@dataclass(frozen=True)
class Event:
    """One line of a run's event log."""

    kind: str
    at: float
    """Seconds since 1970."""
    step: str
    message: str


def first(events: Iterable[Event], kind: str) -> float | None:
    """Return when the first event of `kind` was; None when there is none."""
    return next((each.at for each in events if each.kind == kind), None)


@dataclass(frozen=True)
class Dagster:
    """A running `dagster dev` of one deployment."""

    url: str

    def until_first_node(self, job: str) -> list[Event]:
        """Launch a run of `job`, cancel it once dbt has begun a node, and return its events."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "deploy_project",
            "jobName": job,
        }
        parameters = {"selector": selector, "runConfigData": {}}
        answer = self._ask(_LAUNCH, parameters=parameters)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise SystemExit(f"no run of {job} was launched: {answer}")
        run: str = answer["run"]["runId"]

        def begun() -> list[Event] | None:
            if self._status(run) in _ENDED:
                raise SystemExit(f"run {run} of {job} has ended before its first node")
            events = self.events(run)
            return events if first(events, "AssetMaterializationPlannedEvent") else None

        events = _awaited("a node", begun)
        self._ask(_TERMINATE, run=run)
        _awaited("the end", lambda: self._status(run) in _ENDED)
        return events

    def is_ready(self) -> bool:
        """Whether it has loaded the deployment."""
        with suppress(urllib.error.URLError, ConnectionError):
            found = self._ask(
                "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
            )
            return bool(found["repositoriesOrError"].get("nodes"))
        return False

    def events(self, run: str) -> list[Event]:
        """Return the events of a run, the first first."""
        found = self._ask(_EVENTS, run=run)["logsForRun"]["events"]
        return [
            Event(
                each["__typename"],
                float(each["timestamp"]) / 1000,
                each["stepKey"] or "",
                each["message"],
            )
            for each in found
        ]

    def _status(self, run: str) -> str:
        return self._ask(_STATUS, run=run)["runOrError"]["status"]

    def _ask(self, query: str, **variables: Any) -> Mapping[str, Any]:
        # Only the server that was started here is asked.
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310
            answer = json.load(response)
        if "errors" in answer:
            raise SystemExit(f"Dagster has refused a question: {answer['errors']}")
        return answer["data"]


@contextmanager
def dagster_dev(deployed: Deployed) -> Generator[Dagster]:
    """Start Dagster as `make dev` does, with the settings that are shipped; end it again."""
    port = free_port()
    workspace = (_PRODUCT / "workspace.yaml").read_bytes()
    (deployed.home / "workspace.yaml").write_bytes(workspace)
    with (deployed.home / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster")), "dev", "--port", str(port)],
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
        process.wait(_PATIENCE)


def _interruptible() -> None:
    # A shell that starts us in the background ignores SIGINT, and Dagster then SIGTERM as well.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _awaited(what: str, found: Callable[[], T | None]) -> T:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if value := found():
            return value
        time.sleep(0.2)
    raise SystemExit(f"{what} did not come within {_PATIENCE} seconds")

"""`dagster dev` as a process of its own, asked over GraphQL as the UI asks it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from deploy_project.runs.model.tags import FULL_COMMIT, TRIGGER, UPSTREAM_RUN
from tests.support.deployments.site import Site
from tests.support.paths import ROOT
from tests.support.running.processes import processes_in
from tests.support.waiting import PATIENCE, wait

T = TypeVar("T")

_JOB = {"repositoryName": "__repository__", "repositoryLocationName": "deploy_project"}
_LAUNCH = """
    mutation($parameters: ExecutionParams!) {
      launchRun(executionParams: $parameters) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
        ... on RunConfigValidationInvalid { errors { message } }
      }
    }
"""
_RUN = """
    query($id: ID!) {
      runOrError(runId: $id) {
        ... on Run {
          runId status jobName
          tags { key value }
          assetMaterializations { assetKey { path } }
        }
      }
    }
"""
_RUNS = """
    query($filter: RunsFilter!) {
      runsOrError(filter: $filter) { ... on Runs { results { runId } } }
    }
"""
_IN_PROGRESS = """
    query($keys: [AssetKeyInput!]!) { assetsLatestInfo(assetKeys: $keys) { inProgressRunIds } }
"""
_ASSETS = "{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } } }"
_TERMINATE = """
    mutation($id: String!) {
      terminateRun(runId: $id) { __typename ... on TerminateRunFailure { message } }
    }
"""
_LOCATION = """
    {
      workspaceOrError {
        ... on Workspace {
          locationEntries { updatedTimestamp locationOrLoadError { __typename } }
        }
      }
    }
"""
_TICKS = """
    query($sensor: SensorSelector!) {
      sensorOrError(sensorSelector: $sensor) {
        ... on Sensor { sensorState { status ticks { status skipReason error { message } } } }
      }
    }
"""


@dataclass(frozen=True)
class Run:
    """What the UI shows of one run."""

    id: str
    status: str
    job: str
    tags: dict[str, str]
    built: set[str]
    """The keys of all assets that it has materialized, with slashes."""


@dataclass(frozen=True)
class DagsterDev:
    """A running `dagster dev`; every failure shows the end of its log."""

    site: Site
    url: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.site.root / "dev.log"

    def tail(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-60:])

    def ask(self, query: str, **variables: Any) -> Any:
        """Return the `data` of a GraphQL query."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def wait(self, what: str, found: Callable[[], T | None]) -> T:
        """Return the first true thing that `found` returns; a server that is not there has none."""

        def now() -> T | None:
            assert self.process.poll() is None, f"dagster dev has ended:\n{self.tail()}"
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                return found()
            return None

        last = wait(
            now, otherwise=lambda: f"no {what}; dagster dev said:\n{self.tail()}", every=0.5
        )
        assert last is not None
        return last

    def assets(self) -> dict[str, str]:
        """The run that has last materialized each asset of the definitions; empty for none."""
        nodes = self.ask(_ASSETS)["assetNodes"]
        return {
            "/".join(node["assetKey"]["path"]): next(
                (each["runId"] for each in node["assetMaterializations"]), ""
            )
            for node in nodes
        }

    def launch(self, job: str, *models: str, tags: dict[str, str] | None = None) -> str:
        """Start a run of `job`, or of just `models` of it, and return its id."""
        selection = [{"path": ["prod", model]} for model in models] or None
        parameters = {
            "selector": {**_JOB, "jobName": job, "assetSelection": selection},
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]
            },
        }
        answer = self.ask(_LAUNCH, parameters=parameters)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def run(self, run_id: str) -> Run:
        found = self.ask(_RUN, id=run_id)["runOrError"]
        return Run(
            id=run_id,
            status=found["status"],
            job=found["jobName"],
            tags={tag["key"]: tag["value"] for tag in found["tags"]},
            built={"/".join(each["assetKey"]["path"]) for each in found["assetMaterializations"]},
        )

    def runs(self, **tags: str) -> list[Run]:
        """The runs that carry all of `tags`: of these names, with whole commits."""
        keys = {"commit": FULL_COMMIT, "trigger": TRIGGER, "upstream_run": UPSTREAM_RUN}
        wanted = [{"key": keys[name], "value": value} for name, value in tags.items()]
        found = self.ask(_RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        return [self.run(each["runId"]) for each in found]

    def building(self, model: str) -> list[str]:
        """The runs that are building a model right now."""
        (found,) = self.ask(_IN_PROGRESS, keys=[{"path": ["prod", model]}])["assetsLatestInfo"]
        return found["inProgressRunIds"]

    def ended(self, run_id: str) -> Run:
        """The run, once it has ended."""

        def found_ended() -> Run | None:
            found = self.run(run_id)
            return found if found.status in ("SUCCESS", "FAILURE", "CANCELED") else None

        return self.wait(f"end of run {run_id}", found_ended)

    def terminate(self, run_id: str) -> None:
        answer = self.ask(_TERMINATE, id=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def loaded_after(self, moment: float) -> bool:
        """Whether the code location has been loaded since."""
        (entry,) = self.ask(_LOCATION)["workspaceOrError"]["locationEntries"]
        well = entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        return well and entry["updatedTimestamp"] > moment

    def sensor_ticks(self, name: str) -> list[dict[str, Any]]:
        """The ticks of a sensor, the newest first."""
        sensor = {**_JOB, "sensorName": name}
        return self.ask(_TICKS, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]

    def dbt_processes(self) -> list[str]:
        return [each for each in processes_in(self.site.root).values() if "child.py" in each]


def _interruptible() -> None:
    # A shell that starts us in the background ignores SIGINT, and Dagster then SIGTERM as well.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(site: Site, *, port: int) -> DagsterDev:
    """Start `dagster dev` with the repository's own files in the site's directory."""
    for name in ("workspace.yaml", "dagster.yaml"):
        (site.root / name).write_bytes((ROOT / name).read_bytes())
    environment = {k: v for k, v in site.environment.items() if not k.startswith("DAGSTER_")}
    with (site.root / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "--port", str(port)],
            cwd=site.root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_interruptible,
        )
    return DagsterDev(site, f"http://127.0.0.1:{port}", process)


@contextmanager
def dagster_dev(site: Site, *, port: int) -> Generator[DagsterDev]:
    """Start `dagster dev` with the repository's own files in the site's directory; end it again."""
    dev = start(site, port=port)
    try:
        yield dev
    finally:
        end(dev)


def end(dev: DagsterDev) -> None:
    """End everything, and complain about what had to be forced."""
    dev.process.send_signal(signal.SIGINT)  # does nothing to one that has ended
    with suppress(subprocess.TimeoutExpired):
        dev.process.wait(timeout=PATIENCE)
    # A code server that `dagster dev` has started again it leaves to its heartbeat, 45 seconds.
    _wait_for_the_end_of_all(dev.site.root, seconds=PATIENCE)
    left = processes_in(dev.site.root)
    while forced := processes_in(dev.site.root):
        for each in forced:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        _wait_for_the_end_of_all(dev.site.root, seconds=2)
    dev.process.wait()
    names = "\n".join(command[:120] for command in left.values())
    assert not left, f"`dagster dev` has left processes behind:\n{names}"


def _wait_for_the_end_of_all(directory: Path, *, seconds: float) -> None:
    with suppress(AssertionError):
        wait(lambda: not processes_in(directory), seconds=seconds, every=0.2)

"""Times the answers of Dagster's UI and the docs server beside a run, and takes their memory."""

import os
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bench.deployments import PROGRAMS
from bench.measure import peak_megabytes
from bench.servers import PATIENCE, fetched, free_port, graphql, wait_for

T = TypeVar("T")

CHUNK = 1 << 20
"""So much of a log the UI asks for at once."""
_LATEST = "{ runsOrError(limit: 1) { ... on Runs { results { runId } } } }"
_STATUS = (
    "query($run: ID!) { runOrError(runId: $run) { ... on Run { status stepStats { status } } } }"
)
_EVENTS = """
    query($run: ID!) {
      logsForRun(runId: $run, limit: 1000) {
        ... on EventConnection { events { __typename ... on LogsCapturedEvent { fileKey } } }
      }
    }
"""
_LOG = """
    query($key: [String!]!, $cursor: String, $limit: Int!) {
      capturedLogs(logKey: $key, cursor: $cursor, limit: $limit) { stdout stderr cursor }
    }
"""


@dataclass
class Reader:
    """A reader of the newest run and of the docs, with the seconds of each answer."""

    ui: str
    docs: str
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    read: int = 0
    """How many characters of the newest step's log it has been shown."""
    _log: list[str] = field(default_factory=list[str])
    _cursor: str | None = None

    def look(self) -> None:
        """Ask for the newest run's status, events and new log text, and for the docs."""
        found = self._timed("latest", lambda: graphql(self.ui, _LATEST))["runsOrError"]["results"]
        if found:
            run = found[0]["runId"]
            self._timed("status", lambda: graphql(self.ui, _STATUS, run=run))
            events = self._timed("events", lambda: graphql(self.ui, _EVENTS, run=run))
            self._follow(run, events["logsForRun"]["events"])
        self._timed("docs", lambda: fetched(self.docs))

    def _follow(self, run: str, events: list[dict[str, str]]) -> None:
        files = [each["fileKey"] for each in events if "fileKey" in each]
        if not files:
            return
        log = [run, "compute_logs", files[-1]]
        if log != self._log:
            self._log, self._cursor, self.read = log, None, 0
        question = {"key": log, "cursor": self._cursor, "limit": CHUNK}
        found = self._timed("log", lambda: graphql(self.ui, _LOG, **question))["capturedLogs"]
        self._cursor = found["cursor"]
        self.read += len(found["stdout"] or "")

    def _timed(self, what: str, asked: Callable[[], T]) -> T:
        begun = time.perf_counter()
        answer = asked()
        self.seconds.setdefault(what, []).append(time.perf_counter() - begun)
        return answer


@dataclass(frozen=True)
class Servers:
    """The two servers of one deployment, which answer."""

    ui: str
    docs: str
    processes: Mapping[str, subprocess.Popen[bytes]]

    def reader(self) -> Reader:
        """Return a reader that has not asked for anything yet."""
        return Reader(self.ui, self.docs)

    def peaks(self) -> dict[str, float]:
        """Return the most megabytes that each server has had."""
        return {name: peak_megabytes(each.pid) for name, each in self.processes.items()}


@contextmanager
def serving(root: Path, variables: Mapping[str, str]) -> Generator[Servers]:
    """Start both servers in the directory of a deployment; end them again."""
    ui, docs = free_port(), free_port()
    commands = {
        "ui": ("dagster-webserver", "-m", "deploy_project.definitions", "--port", str(ui)),
        "docs": ("deploy-project", "serve", "--port", str(docs)),
    }
    processes = {name: _started(command, root, variables) for name, command in commands.items()}
    try:
        servers = Servers(f"http://127.0.0.1:{ui}", f"http://127.0.0.1:{docs}", processes)
        for url, process in ((f"{servers.ui}/server_info", "ui"), (servers.docs, "docs")):
            wait_for(url, processes[process])
        yield servers
    finally:
        for each in processes.values():
            each.terminate()
        for each in processes.values():
            each.wait(PATIENCE)


def _started(
    command: tuple[str, ...], root: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    name, *arguments = command
    return subprocess.Popen(
        [str(PROGRAMS / name), *arguments],
        cwd=root,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

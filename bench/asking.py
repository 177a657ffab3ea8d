"""Dagster's UI and the docs server beside a run: how long they take to answer, and their memory."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 180  # seconds
CHUNK = 1 << 20
"""So much of a log the UI asks for at once."""
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
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


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has had; 0 for one that has ended."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0
    return int(found[1]) / 1024 if found else 0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process without its children; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Reader:
    """Somebody who looks at the newest run and at the docs; keeps how long each answer took."""

    ui: str
    docs: str
    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    read: int = 0
    """How many characters of the newest step's log it has been shown."""
    _log: list[str] = field(default_factory=list[str])
    _cursor: str | None = None

    def look(self) -> None:
        """Ask for the newest run's status, its events and what is new in its log; and the docs."""
        found = self._timed("latest", lambda: self._ask(_LATEST))["runsOrError"]["results"]
        if found:
            run = found[0]["runId"]
            self._timed("status", lambda: self._ask(_STATUS, run=run))
            events = self._timed("events", lambda: self._ask(_EVENTS, run=run))
            self._follow(run, events["logsForRun"]["events"])
        self._timed("docs", lambda: _fetched(self.docs))

    def _follow(self, run: str, events: list[dict[str, str]]) -> None:
        files = [each["fileKey"] for each in events if "fileKey" in each]
        if not files:
            return
        log = [run, "compute_logs", files[-1]]
        if log != self._log:
            self._log, self._cursor, self.read = log, None, 0
        question = {"key": log, "cursor": self._cursor, "limit": CHUNK}
        found = self._timed("log", lambda: self._ask(_LOG, **question))["capturedLogs"]
        self._cursor = found["cursor"]
        self.read += len(found["stdout"] or "")

    def _timed(self, what: str, asked: Callable[[], T]) -> T:
        begun = time.perf_counter()
        answer = asked()
        self.seconds.setdefault(what, []).append(time.perf_counter() - begun)
        return answer

    def _ask(self, query: str, **variables: Any) -> Any:
        answer = json.loads(
            _fetched(
                f"{self.ui}/graphql",
                json.dumps({"query": query, "variables": variables}).encode(),
            )
        )
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@dataclass(frozen=True)
class Servers:
    """The two servers of one deployment, which answer."""

    ui: str
    docs: str
    processes: Mapping[str, subprocess.Popen[bytes]]

    def reader(self) -> Reader:
        """Return somebody who has not asked for anything yet."""
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
            _await(url, processes[process])
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
        [str(Path(sys.executable).with_name(name)), *arguments],
        cwd=root,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            _fetched(url)
            return
        except (urllib.error.URLError, ConnectionError):
            if process.poll() is not None or time.monotonic() > until:
                raise
        time.sleep(0.5)


def _fetched(url: str, body: bytes | None = None) -> bytes:
    # Only servers that were started here are asked.
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
        return response.read()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]

"""A deployment that runs: a site, its Dagster with the daemon, and fronts before it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.webserver import answers
from tests.support.api.callers import headers_of, send
from tests.support.deployments.site import Site
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class RunningFront:
    """A front that answers on this machine."""

    site: Site
    port: int
    token: str
    account: int = 7
    authority: Path | None = None
    """The file with the authority that its certificate is from; None where it speaks no TLS."""
    process: subprocess.Popen[bytes] | None = None
    """Its process, where it was started here."""

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"{'http' if self.authority is None else 'https'}://{self.host}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """The status and the content of an answer; `path` is the whole one."""
        answer = send(self.url, method, path, body, headers, authority=self.authority)
        return answer.status, answer.content

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        token: str = "",
        **headers: str,
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer; `path` is below the account.

        The token is the front's own where no other one is given.
        """
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        own = {
            "Authorization": f"Token {token or self.token}",
            "Content-Type": "application/json",
        }
        status, content = self.request(
            method,
            f"/api/v2/accounts/{self.account}/{path}",
            None if text is None else text.encode(),
            {**own, **headers_of(headers)},
        )
        return status, json.loads(content)

    def trigger(self, job: int, **fields: Any) -> dict[str, Any]:
        status, answer = self.call("POST", f"jobs/{job}/run/", {"cause": "Test", **fields})
        assert status == 200, answer
        return answer["data"]

    def run(self, number: int) -> dict[str, Any]:
        status, answer = self.call("GET", f"runs/{number}")
        assert status == 200, answer
        return answer["data"]

    def ended(self, number: int) -> dict[str, Any]:
        wait(lambda: self.run(number)["is_complete"], every=0.5)
        return self.run(number)


def start(site: Site, log: str, *command: str) -> subprocess.Popen[bytes]:
    """Start a process that works with a site; what it says goes to the file `log` there."""
    with (site.root / log).open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=site.root,
            env=site.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell in the background hands SIGINT down as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process and wait for its end; one that does not end is killed."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def deploy(site: Site) -> None:
    """Deploy the heads of all branches, as `deploy-project deploy` does."""
    done = subprocess.run(
        [str(PROGRAMS / "deploy-project"), "deploy"],
        cwd=site.root,
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running_dagster(site: Site, port: int) -> Generator[str]:
    """Run Dagster with its daemon meanwhile, deployed and answering; yield its address."""
    shutil.copy(ROOT / "workspace.yaml", site.root)
    deploy(site)
    url = f"http://127.0.0.1:{port}"
    process = start(
        site, "dagster.log", sys.executable, "-m", "dagster", "dev", "--port", str(port)
    )
    try:
        wait(lambda: answers(url, process), every=0.5)
        yield url
    finally:
        stop(process)


@contextmanager
def running_front(
    site: Site,
    *options: str,
    token: str,
    account: int = 7,
    authority: Path | None = None,
    port: int = 0,
) -> Generator[RunningFront]:
    """Run `deploy-project serve` with these options meanwhile; it answers."""
    port = port or free_port()
    log = f"front-{port}.log"
    command = [str(PROGRAMS / "deploy-project"), "serve", "--port", str(port), *options]
    process = start(site, log, *command)
    found = RunningFront(site, port, token, account, authority, process)
    try:
        wait(lambda: _answers(found, process, site.root / log), every=0.05)
        yield found
    finally:
        if process.poll() is None:
            stop(process)


def _answers(front: RunningFront, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text(encoding="utf-8")
    try:
        return front.request("GET", "/health")[0] == 200
    except OSError:
        return False

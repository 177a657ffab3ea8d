"""Dagster's webserver with its code location, and no daemon: what it is asked for stays undone."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, ended, wait


@contextmanager
def webserver(directory: Path, environment: Mapping[str, str]) -> Generator[str]:
    """Run one that is started in `directory`, which has a workspace.yaml; yield its address."""
    port = free_port()
    log = directory / f"webserver-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-p", str(port)],
            cwd=directory,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            # A shell in the background hands SIGINT down as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: answers(url, process), otherwise=log.read_text)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        ended(process)


def answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the webserver answers that `process` has started, or is."""
    assert process.poll() is None, f"it has ended: {process.returncode}"
    try:
        urllib.request.urlopen(f"{url}/server_info", timeout=PATIENCE)
    except OSError:
        return False
    return True

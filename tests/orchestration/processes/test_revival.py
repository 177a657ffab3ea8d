"""The process that has a killed code server started again; test_kills.py kills a real one."""

import subprocess
import sys

import pytest

from deploy_project.errors import LaunchError
from deploy_project.orchestration.processes import revival
from tests.support.waiting import PATIENCE

NOBODY = "http://127.0.0.1:1"
HERE = {"machine": "here", "configuration": "/deploy.yaml", "account": "Acme", "projects": "a: b"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("/dagster/__main__.py api grpc --socket /tmp/x -m deploy_project.definitions", True),
        ("/bin/dagster api grpc -p 4000 -m deploy_project.definitions", True),
        ("/bin/dagster api execute_run", False),
        ("/bin/dagster definitions validate", False),
        ("-c", False),
    ],
)
def test_which_process_serves_the_location(arguments: str, expected: bool):
    assert revival.is_code_server(arguments.split()) is expected


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        (0, "The code server had ended unexpectedly; Dagster has started it again."),
        (revival.ATTEMPTS - 1, "The code server had ended unexpectedly; Dagster has started it"),
        (revival.ATTEMPTS, "The code server has ended unexpectedly and could not be started again"),
    ],
)
def test_dagster_is_asked_until_it_has_loaded_the_location(failures: int, said: str):
    done: list[str] = []

    def reload(url: str) -> None:
        done.append(url)
        if done.count(url) <= failures:
            raise LaunchError("not there")

    told = revival.revive(NOBODY, reload=reload, pause=lambda: done.append("pause"))
    assert told.startswith(said)
    assert done == ["pause", NOBODY] * min(failures + 1, revival.ATTEMPTS)
    assert told.endswith(": not there") == (failures == revival.ATTEMPTS)


SERVER = f"""
import os, signal, sys
from deploy_project.orchestration.processes import revival
revival.watch({NOBODY!r}, {HERE!r}, [sys.executable, "-c", sys.argv[1]])
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""
IMPATIENT = """
from deploy_project.orchestration.processes import revival
revival.PAUSE_SECONDS, revival.ATTEMPTS = 0, 2
revival.main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["killed", "by itself"])
def test_only_a_server_that_does_not_end_by_itself_is_started_again(end: str):
    done = subprocess.run(
        [sys.executable, "-c", SERVER, IMPATIENT, end],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # the process beside it holds it open, so this waits for its end
        text=True,
        timeout=PATIENCE,
    )
    assert ("could not be started again" in done.stdout) == (end == "killed")
    assert (f"Dagster at {NOBODY} does not answer" in done.stdout) == (end == "killed")
    assert ("Traceback" in done.stdout) is False

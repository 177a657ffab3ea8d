"""`deploy-project dev`: its ports, and Dagster as `make dev` starts it in a fresh clone."""

import json
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy_project.cli import main
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, ended, wait

COMMAND = Path(sys.executable).parent / "deploy-project"


@contextmanager
def taken() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=PATIENCE).status == 200
    except OSError:
        return False


@pytest.mark.parametrize("option", ["--port", "--docs-port"])
def test_a_port_that_is_taken_is_told_before_anything_starts(
    here: Path, capsys: pytest.CaptureFixture[str], option: str
):
    other = "--docs-port" if option == "--port" else "--port"
    with taken() as port:
        code = main(["dev", option, str(port), other, str(free_port())])
    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert f"can't listen on 127.0.0.1 port {port}: " in said.err
    assert option in said.err
    assert not (here / ".deploy").exists()


def call_as_told(here: Path, front: str) -> None:
    """Run the first commands of docs/api.md; the run is not waited for."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    block = page.partition("```sh\n")[2].partition("```")[0]
    commands = block.replace("\\\n", "").splitlines()
    assert [each.split()[0] for each in commands] == ["TOKEN=$(cat", "curl", "curl", "curl"]
    token, *calls = [each.replace("http://127.0.0.1:3001", front) for each in commands]
    jobs, started, runs = [json.loads(shell(f"{token}\n{each}", here))["data"] for each in calls]
    assert started["job_id"] in [each["id"] for each in jobs if "ourly" in each["name"]]
    assert [each["id"] for each in runs] == [started["id"]]
    run = f"{front}/api/v2/accounts/1/runs/{started['id']}/"
    call = f'{token}\ncurl -sSf -H "Authorization: Token $TOKEN"'
    shell(f"{call} -X POST {run}cancel/", here)
    wait(lambda: json.loads(shell(f"{call} {run}", here))["data"]["is_complete"], every=0.5)
    assert stat.S_IMODE((here / ".deploy" / "example" / "token").stat().st_mode) == 0o600


def shell(command: str, here: Path) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.e2e
@pytest.mark.slow
def test_in_a_fresh_clone_it_starts_dagster_the_docs_and_the_examples_remote(here: Path):
    for name in ("workspace.yaml", "dagster.yaml"):
        shutil.copy(ROOT / name, here)
    port, docs_port = free_port(), free_port()
    log = here / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "dev", "--port", str(port), "--docs-port", str(docs_port)],
            cwd=here,
            stdout=output,
            stderr=subprocess.STDOUT,
            # As `make dev &` in a script: SIGTERM has to end it all the same.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
    url, docs = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{docs_port}"
    try:
        wait(lambda: answers(f"{url}/server_info"), every=0.5, otherwise=log.read_text)
        page = urllib.request.urlopen(docs, timeout=PATIENCE).read().decode()
        assert url in page, "its links lead to the Dagster beside it"
        assert (here / ".deploy" / "example" / "shop.git").is_dir()
        call_as_told(here, docs)
    finally:
        process.terminate()
        ended(process)
    said = log.read_text(encoding="utf-8")
    assert f"  {url}  Dagster: " in said
    assert f"  {docs}  the docs" in said
    assert f"export DEPLOY_DAGSTER_URL={url}" in said
    assert "temporary directory" not in said
    # A tick that takes longer than Dagster gives it, on a busy machine, is told with one.
    assert "Traceback" not in said or "The sensor tick timed out" in said

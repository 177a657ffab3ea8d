import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote
from deploy_project.git.command import git

COMMAND = Path(sys.executable).parent / "deploy-project"
ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
def test_the_demo_builds_the_example_and_its_commands_work(here: Path):
    shutil.copy(ROOT / "dagster.yaml", here)
    done = subprocess.run([COMMAND, "demo"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout[done.stdout.index("\nBuilt production at commit ") :]
    assert "14 models, 3 seeds, 1 snapshot; 65 tests, 1 with a warning." in told
    for line in told.splitlines():
        label, _, path = line.strip().partition(" ")
        if label in ("Warehouse", "Docs", "Artifacts"):
            assert (here / path.strip()).exists()

    remote = make_remote(StateDirectory(here / ".deploy"))
    before = git("rev-list", "--count", "refs/heads/main", cwd=remote)
    commands = [line for line in told.splitlines() if line.startswith(("  echo", "  git"))]
    for command in commands:
        subprocess.run(command, shell=True, cwd=here, check=True, capture_output=True)
    assert git("rev-list", "--count", "refs/heads/main", cwd=remote) == str(int(before) + 3)


@pytest.mark.slow
def test_serve_says_where_it_listens_and_ends_when_interrupted(here: Path):
    with subprocess.Popen(
        [COMMAND, "serve", "--port", "0"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell in the background hands SIGINT down as ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert "Coffee shop" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "deploy-project serve: interrupted\n"

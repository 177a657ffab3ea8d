"""The demonstration of a pull request, from nothing, and the site of the docs.

That of production is in tests/e2e/test_readme.py, as newcomers see it.
"""

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
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

COMMAND = Path(sys.executable).parent / "deploy-project"


@pytest.mark.e2e
@pytest.mark.timeout(1800)  # four runs, one after the other
def test_a_pull_request_of_the_example_is_built_merged_and_cleaned_up(here: Path):
    shutil.copy(ROOT / "dagster.yaml", here)
    done = subprocess.run([COMMAND, "demo-pr"], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stderr
    told = [each.splitlines() for each in done.stdout.split("\n▸ ")]
    heads = [lines[0] for lines in told[1:]]
    patterns = [
        "There is no production yet",
        "Dagster's daemon does not run here",
        "Opened pull request 1: Leave out who has not ordered",
        "The sensor shop_pull_requests asks for production__checks: Pull request 1 at commit ",
        "A hosting site would get this comment, which is kept in .deploy/artifacts/runs/",
        "Built in a copy of production, in schemas that begin with dbt_cloud_pr_1001_1",
        "Merged pull request 1 into main",
        "The sensor shop_merges asks for production__on_merge: Merge of ",
        "The merge has brought production up to date",
        "The sensor shop_pull_requests asks for production__ci_sweep: Pull request 1 closed",
        "Cleaned up after pull request 1; this is gone:",
    ]
    assert [a for a, b in zip(heads, patterns, strict=True) if not a.startswith(b)] == []
    comment, built, merged, gone = told[5], told[6], told[9], told[11]
    assert comment[2].startswith("### ✅ `dbt/production/checks` succeeded in ")
    assert " · 3 built" in "\n".join(comment), "three models, and not the hook before them"
    assert [line.split() for line in built[3:7]] == [
        ["customers", "24", "20"],
        ["revenue_by_country", "12", "12"],
        ["unpaid_orders", "4", "4"],
        ["Production", "is", "as", "it", "was."],
    ]
    assert [line.split() for line in merged[2:3]] == [["customers", "24", "20"]]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "builds 3 of the 14 models in a copy of production" in readme
    assert "which has 20 customers there and still 24 in production" in readme
    assert not (here / gone[1].strip()).exists()
    assert (here / ".deploy" / "pull-requests" / "production").is_dir()

    commands = [line for line in gone if line.startswith(("  echo", "  git"))]
    assert len(commands) == 4
    for command in commands:
        subprocess.run(command, shell=True, cwd=here, check=True, capture_output=True)
    remote = make_remote(StateDirectory(here / ".deploy"))
    pushed = git("rev-parse", "refs/heads/main", "refs/heads/pr/2", cwd=remote).splitlines()
    assert pushed[0] == pushed[1]


@pytest.mark.slow
def test_serve_says_where_it_listens_and_ends_when_interrupted(here: Path):
    shutil.copy(ROOT / "dagster.yaml", here)
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
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            assert "Coffee shop" in answer.read().decode()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said == "deploy-project serve: interrupted\n"

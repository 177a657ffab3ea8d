"""The hook of docs/pull-requests.md: a plain git remote that refuses what was not checked."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import dagster as dg
import pytest

from tests.support.deployments.site import Site
from tests.support.paths import ROOT
from tests.support.running.daemon import Daemon

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "pull-requests.md").read_text(encoding="utf-8")
DEPLOY = """
    projects:
      shop: {repository: REMOTE, pull_requests: {refs: "pr/*"}}
    environments:
      production: {type: production, branch: main, target: prod}
"""
JOBS = """
    jobs:
      daily: {environment: production, execute_steps: [dbt compile]}
      checks:
        environment: production
        job_type: ci
        execute_steps: [dbt build --select state:modified+]
"""


def install(site: Site) -> None:
    (hook,) = re.findall(r"```sh\n( *#!/bin/sh\n.*?)```", PAGE, re.DOTALL)
    text = textwrap.dedent(hook).replace("/srv/deploy", str(site.root))
    place = site.remote / "hooks" / "update"
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o755)


def push(site: Site) -> str:
    """Push main as the page says; return why it was refused, nothing when it was not."""
    path = f"{Path(sys.executable).parent}:{site.environment['PATH']}"
    done = subprocess.run(
        ["git", "push", "--quiet", "origin", "main"],
        cwd=site.working_copy,
        env={**site.environment, "PATH": path},
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stderr


def test_main_takes_only_what_has_passed_the_checks(site: Site):
    site.configure(deploy=DEPLOY, jobs=JOBS)
    assert site.run("production__daily").success
    install(site)
    with dg.DagsterInstance.ephemeral() as instance:
        daemon = Daemon(site, instance)
        daemon.tick("shop_pull_requests")
        site.git("checkout", "--quiet", "-B", "work")
        broken = {"models/new.sql": "select nothing"}
        heads = [site.push(broken, ref="pr/12"), ""]
        (first,) = daemon.tick("shop_pull_requests").requests
        heads[1] = site.push({"models/new.sql": "select 1 as id"}, ref="pr/12")
        (second,) = daemon.tick("shop_pull_requests").requests
    site.git("checkout", "--quiet", "main")
    site.git("merge", "--quiet", "--no-ff", "origin/pr/12")

    assert f"{heads[1]} has not passed the checks" in push(site), "not built yet"
    assert not site.run(first.job_name or "", first.tags).success
    assert f"{heads[1]} has not passed the checks" in push(site), "another commit was"
    assert site.run(second.job_name or "", second.tags).success
    assert push(site) == ""

    site.git("commit", "--quiet", "--allow-empty", "--message", "Unchecked")
    assert "has not passed the checks: push it to a branch pr/" in push(site)
    site.git("push", "--quiet", "origin", "HEAD:other")

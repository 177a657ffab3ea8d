"""A deployment that hostile pull requests attack, and all that they must leave as it was."""

import hashlib
import json
import os
import re
import shutil
import socket
import stat
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from deploy_project.dbt.artifacts.console import last_words
from deploy_project.errors import DeployError
from deploy_project.releases.packages.installing import ensure_packages
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.tags import Trigger
from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve
from tests.support.deployments.site import PROJECT, Result, Site, make_site

MARK = "precious-of-the-victim"
"""What is in the files that nobody may read."""
DAEMON_SECRET, OTHER_SECRET = "s3cret-of-the-daemon", "s3cret-of-staging"
SECRETS = (MARK, TOKEN, DAEMON_SECRET, OTHER_SECRET)
DEPLOY = """
    projects:
      tiny:
        repository: REMOTE
        hosting: {kind: github, url: HUB/acme/shop, api_url: HUB/api/v3, token: {env: HUB_TOKEN}}
        pull_requests: {refs: pr/*, without_state: build_all, sandbox: SANDBOX, network: [5432]}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging:
        type: staging
        branch: main
        target: prod
        schema: staging
        variables: {DBT_OTHER: {env: OTHER_SECRET}}
"""
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      checks: {id: 23, environment: prod, job_type: ci, execution: {timeout_seconds: 120}, execute_steps: [dbt build]}
"""
MODELS = {
    **PROJECT,
    "models/orders.sql": "{{ config(materialized='table') }} select 'production' as word, 10 as amount",
}
STEP = "04-dbt-build"
_NOT_COMPARED = ("dagster", "work", "pull-requests", "artifacts/runs", "locks")
"""Directories of the state that are each run's own, or Dagster's; those of runs have own checks."""

LASTING = str(9_000_000_000 + os.getpid())
"""An argument of processes that attacks leave behind, and nobody else has."""
Snapshot = dict[str, str]


@dataclass
class Deployment:
    """A deployment with a production run, a directory of a victim, and servers that wait."""

    site: Site
    hub: HostingSite
    victim: Path
    port: int
    sandbox: str = "when_possible"

    def text(self, text: str) -> str:
        """Return a text of an attack with the places of this deployment."""
        places = {
            "VICTIM": str(self.victim),
            "PRODUCTION": str(self.production),
            "STATE": str(self.site.state.root),
            "CHECKOUT": str(self.site.state.checkouts("tiny")),
            "REMOTE_GIT": str(self.site.remote),
            "PARENT": str(os.getpid()),
            "PORT": str(self.port),
            "9876543": LASTING,
        }
        for name, place in places.items():
            text = re.sub(rf"(?<![A-Z_]){name}(?![A-Z_])", lambda _, to=place: to, text)
        return text

    @property
    def production(self) -> Path:
        return self.site.state.root / "warehouse.duckdb"

    def push(
        self, number: int, files: Mapping[str, str | None], links: Mapping[str, str] | None = None
    ) -> str:
        """Push a pull request with `files` and symbolic `links`; return its commit."""
        self.site.git("reset", "--quiet", "--hard", "origin/main")
        self.site.git("clean", "-fdqx")
        for name, target in (links or {}).items():
            place = self.site.working_copy / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(self.text(target))
        filled = {name: text and self.text(text) for name, text in files.items()}
        head = self.site.push(filled, ref=f"pr/{number}")
        self.site.git("reset", "--quiet", "--hard", "origin/main")
        self.site.git("clean", "-fdqx")
        return head

    def run(self, number: int, head: str, **tags: str) -> Result:
        asked = {"deploy/pull_request": str(number), "deploy/commit": head}
        return self.site.run("prod__checks", {**asked, "deploy/branch": f"pr/{number}", **tags})

    def pull_request(
        self, number: int, files: Mapping[str, str | None], links: Mapping[str, str] | None = None
    ) -> Result:
        return self.run(number, self.push(number, files, links))

    def prepared(self, number: int, head: str) -> str:
        """Prepare a commit as its run does, up to dbt's parse; return the error, or nothing.

        Below the level of a run, which takes three times as long.
        """
        deployment, identifier = self.site.deployment, str(uuid.uuid4())
        job = deployment.jobs["prod__checks"]
        run = Run(
            id=identifier,
            job=job,
            deployment=deployment,
            state=self.site.state,
            trigger=Trigger("ci", "a test"),
            commit=head,
            branch=f"pr/{number}",
            pull_request=number,
        )
        said: list[str] = []
        directory = run.work / "steps" / "03-dbt-deps"
        directory.mkdir(parents=True)
        try:
            with run.state.explained("preparing"):
                workspace = runs.ready(run)
                runs.copy_database(run, workspace, said.append)
                ensure_packages(workspace, directory, said.append, timeout_seconds=60)
                ended = workspace.run(
                    ("parse",), directory=directory, on_line=said.append, timeout_seconds=60
                )
            return "" if ended.code == 0 else f"dbt parse: {last_words(said)}"
        except DeployError as error:
            return str(error)
        finally:
            text = "\n".join(said)
            assert not any(secret in text for secret in SECRETS), text
            shutil.rmtree(run.work)

    def results(self, run: Result) -> dict[str, dict[str, Any]]:
        """The results of a run's nodes, by their names."""
        file = self.site.directory(run.run_id, STEP) / "target" / "run_results.json"
        found = json.loads(file.read_bytes())["results"]
        return {each["unique_id"].split(".")[2]: each for each in found}

    def error(self, run: Result) -> str:
        """The error that a run has ended with."""
        found = self.site.events(run.run_id, dg.DagsterEventType.STEP_FAILURE)
        return str(found[0].user_failure_data.description if found[0].user_failure_data else found)

    def rows(self, number: int, name: str) -> str:
        """The rows that a node has built in the pull request's copy, as text."""
        copy = self.site.state.pull_request("prod", 23, number) / "warehouse.duckdb"
        schema = f"dbt_cloud_pr_23_{number}"
        with duckdb.connect(str(copy), read_only=True) as connection:
            return str(connection.execute(f'select * from "{schema}"."{name}"').fetchall())

    def snapshot(self) -> Snapshot:
        """All that no pull request may change: files, links, modes, and production's tables."""
        found: Snapshot = {}
        state, checkouts = self.site.state.root, self.site.state.checkouts("tiny")
        main = self.site.git("rev-parse", "origin/main")
        for each in [
            *self.victim.rglob("*"),
            *state.rglob("*"),
            *self.site.remote.rglob("hooks/*"),
        ]:
            relative = each.relative_to(state).as_posix() if each.is_relative_to(state) else ""
            is_anothers = each.is_relative_to(checkouts) and main not in each.parts
            if not relative.startswith(_NOT_COMPARED) and not is_anothers:
                found[str(each)] = _state_of(each)
        with duckdb.connect(str(self.production), read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables order by all"
            ).fetchall()
            for schema, name in tables:
                rows = connection.execute(f'from "{schema}"."{name}"').fetchall()
                found[f"{schema}.{name}"] = str(rows)
        return found

    def assert_unharmed(self, before: Snapshot, *heads: str) -> None:
        """Nothing of production's has changed; of new files there are the pull request's own."""
        now = self.snapshot()
        allowed = (
            *(str(self.site.state.checkout("tiny", head).root) for head in heads),
            str(self.site.state.mirror("tiny")),
            str(self.site.state.root / "artifacts" / "ci"),
        )
        changed = sorted(name for name in before if before[name] != now.get(name))
        changed = [name for name in changed if not name.startswith(allowed)]
        assert not changed, changed
        new = sorted(name for name in now if name not in before and not name.startswith(allowed))
        assert not new, new

    def assert_discreet(self) -> None:
        """No secret is in anything that is kept, or has been posted."""
        kept = self.site.state.root / "artifacts"
        for each in kept.rglob("*"):
            if each.is_file() and not each.is_symlink():
                content = each.read_bytes()
                for secret in SECRETS:
                    assert secret.encode() not in content, (secret, each)
        posted = json.dumps([note.body for note in self.hub.notes]) + json.dumps(self.hub.statuses)
        for secret in SECRETS:
            assert secret not in posted

    def assert_ended_well(self, run: Result) -> None:
        """A run that fails does so by an error that we raise, and nothing of it still runs."""
        assert self.site.status(run.run_id) in ("SUCCESS", "FAILURE")
        for each in self.site.events(run.run_id, dg.DagsterEventType.STEP_FAILURE):
            assert each.error.cls_name in ("Failure", None), each.error.to_string()
        for log in self.site.directory(run.run_id).glob("*/console.log"):
            text = log.read_text(encoding="utf-8")
            assert "deploy_project/runs/" not in text, text
            assert "this is a defect" not in text
        assert not running(LASTING)
        assert not list(self.site.state.all_work.glob("*/tree")), "the run's files are gone"


def running(argument: str) -> list[str]:
    """The processes with an argument that only attacks give."""
    found: list[str] = []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                words = (each / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argument.encode() in words:
                found.append(each.name)
    return found


def _state_of(path: Path) -> str:
    known = path.lstat()
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    if not stat.S_ISREG(known.st_mode):
        return f"{known.st_mode:o}"
    return f"{known.st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"


@contextmanager
def deployed(directory: Path, *, sandbox: str = "when_possible") -> Generator[Deployment]:
    """A deployment in `directory`, its production built."""
    victim = directory / "victim"
    for name in ("empty", "made"):
        (victim / name).mkdir(parents=True)
    for name in ("secret", "over", "append", "truncate", "unlink", "rename"):
        (victim / f"{name}.csv").write_text(f"word\n{MARK}\n", encoding="utf-8")
    (victim / "secret.json").write_text(f'{{"word": "{MARK}"}}', encoding="utf-8")
    duckdb.sql(f"copy (select '{MARK}' as word) to '{victim}/secret.parquet'")
    for name in ("secret", "second", "third", "fourth"):
        with duckdb.connect(str(victim / f"{name}.duckdb")) as made:
            made.execute(f"create table secret as select '{MARK}' as word")
    with (
        pytest.MonkeyPatch.context() as patch,
        serve("github") as hub,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        for name, value in (
            *(("HUB_TOKEN", TOKEN), ("NO_PROXY", "127.0.0.1")),
            *(("DAEMON_SECRET", DAEMON_SECRET), ("OTHER_SECRET", OTHER_SECRET)),
            *(("AWS_SECRET_ACCESS_KEY", f"{MARK}-cloud"), ("PGPASSWORD", f"{MARK}-warehouse")),
        ):
            patch.setenv(name, value)
        (directory / "site").mkdir()
        site = make_site(directory / "site", MODELS)
        deploy = DEPLOY.replace("HUB/", f"{hub.url}/").replace("SANDBOX", sandbox)
        site.configure(jobs=JOBS, deploy=deploy.replace('"off"', "off"))
        made = Deployment(site, hub, victim, server.getsockname()[1], sandbox)
        assert site.run("prod__nightly").success
        yield made

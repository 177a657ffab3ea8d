"""A deployment of a small dbt project, whole: a git remote, DuckDB, files, Dagster's history."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.dbt.processes import children
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions, deployed_pointers
from deploy_project.runs.outcome.finish import LAST_RUN
from deploy_project.runs.store.artifacts import Artifacts
from tests.support import migrations
from tests.support.deployments import reconstruct
from tests.support.paths import ROOT

migrations.read_once()

PROJECT = {
    "dbt_project.yml": """
        name: tiny
        version: "1.0"
        profile: tiny
        model-paths: [models]
        flags: {send_anonymous_usage_stats: false}
    """,
    "profiles.yml": """
        tiny:
          target: prod
          outputs:
            prod:
              type: duckdb
              path: "{{ env_var('DEPLOY_STATE') }}/warehouse.duckdb"
              schema: main
              threads: 2
    """,
    "models/orders.sql": "select 1 as id, 10 as amount",
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('orders') }}",
}

# For ever, but until DuckDB is asked to give it up; it takes no processor from the tests beside.
ENDLESS = "{{ config(materialized='table') }} select sleep_ms(3600000) as n"

DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
"""


@dataclass(frozen=True)
class Result:
    """How a run has gone."""

    run_id: str
    success: bool
    output: str


@dataclass(frozen=True)
class Site:
    """One deployment in a temporary directory."""

    root: Path

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def working_copy(self) -> Path:
        return self.root / "work"

    @property
    def state(self) -> StateDirectory:
        return StateDirectory(self.root / ".deploy")

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a process that works with this deployment."""
        return {
            **os.environ,
            "DEPLOY_CONFIG": str(self.root / "deploy.yaml"),
            "DEPLOY_STATE": str(self.state.root),
            "PYTHONWARNINGS": "ignore",
        }

    @property
    def deployment(self) -> Deployment:
        return load_deployment(self.root / "deploy.yaml", state=self.state.root)

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts.of(self.deployment, self.state)

    def configure(self, *, jobs: str, deploy: str = DEPLOY) -> None:
        """Write deploy.yaml (REMOTE stands for the remote's path) and jobs.yml."""
        text = textwrap.dedent(deploy).replace("REMOTE", str(self.remote))
        (self.root / "deploy.yaml").write_text(text, encoding="utf-8")
        (self.root / "jobs.yml").write_text(textwrap.dedent(jobs), encoding="utf-8")

    @property
    def _configured(self) -> str:
        """When the configuration was last written: Dagster caches what it has loaded."""
        files = (self.root / "deploy.yaml", self.root / "jobs.yml")
        return "-".join(str(file.stat().st_mtime_ns) for file in files)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.working_copy, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def push(
        self, files: Mapping[str, str | None], message: str = "Change", ref: str = "main"
    ) -> str:
        """Commit `files` (None deletes one), push them, and return the commit."""
        for name, content in files.items():
            path = self.working_copy / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(textwrap.dedent(content), encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{ref}")
        return self.git("rev-parse", "HEAD")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `dagster` as people do, with a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "dagster", *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell in the background hands SIGINT down as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def execute(self, job: str, *arguments: str, **environment: str) -> Result:
        """Run `dagster job execute` as people do, in a process of its own."""
        before = set(self.run_ids())
        command = ("job", "execute", "-m", "deploy_project.definitions", "-j", job, *arguments)
        process = self.start(*command, **environment)
        output, _ = process.communicate()
        new = [each for each in self.run_ids() if each not in before]
        return Result(new[0] if new else "", process.returncode == 0, output)

    def run(
        self,
        job: str,
        tags: Mapping[str, str] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        retry_of: str | None = None,
        definitions_of: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a job in this process, which saves Dagster's start.

        `retry_of` is resumed from its failure with its tags and configuration, as the UI has it;
        `config` is that of another run. The definitions are those of the deployed pointers, or of
        `definitions_of`.
        """
        pointers = definitions_of or deployed_pointers(self.deployment, self.state)
        found = dg.build_reconstructable_job(
            reconstruct.__name__,
            reconstruct.job.__name__,
            cast(
                Any, (str(self.root), str(self.state.root), job, dict(pointers), self._configured)
            ),
        )
        with self.instance() as instance, self.working_directory():
            options = dg.ReexecutionOptions.from_failure(retry_of, instance) if retry_of else None
            parent = instance.get_run_by_id(retry_of) if retry_of else None
            inherited = _inherited(parent) if parent else {}
            done = dg.execute_job(
                found,
                instance,
                run_config=parent.run_config if parent else config,
                tags={**inherited, **(tags or {})},
                reexecution_options=options,
            )
            return Result(done.run_id, done.success, "")

    @contextmanager
    def working_directory(self) -> Generator[None]:
        """Be where Dagster is started: the paths in dagster.yaml are relative."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            yield
        finally:
            os.chdir(before)

    def instance(self) -> dg.DagsterInstance:
        """Dagster's history of this deployment; use it as a context manager."""
        with self.working_directory():
            return dg.DagsterInstance.from_config(str(self.root))

    def run_ids(self) -> list[str]:
        """All runs, the newest first."""
        with self.instance() as instance:
            return [record.dagster_run.run_id for record in instance.get_run_records()]

    def definitions(self) -> dg.Definitions:
        """The definitions as the code location loads them now."""
        deployment = self.deployment
        pointers = deployed_pointers(deployment, self.state)
        return definitions(deployment, self.state, pointers=pointers, listeners=LISTENERS)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse of target `prod`."""
        with duckdb.connect(
            str(self.state.root / "warehouse.duckdb"), read_only=True
        ) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """Change the warehouse of target `prod` as another program would."""
        self.state.root.mkdir(exist_ok=True)
        with duckdb.connect(str(self.state.root / "warehouse.duckdb")) as connection:
            connection.execute(sql)

    def directory(self, run_id: str, step: str = "") -> Path:
        """The artifacts of a run, or of one of its steps, such as `04-dbt-build`."""
        return Path(str(self.artifacts.run(run_id))) / step

    def console(self, run_id: str, step: str) -> str:
        """The console log of one step, such as `04-dbt-build`."""
        return (self.directory(run_id, step) / "console.log").read_text(encoding="utf-8")

    def steps(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The `step.json` of each step that has run, by its directory, in order."""
        files = sorted(self.directory(run_id).glob("*/step.json"))
        return {file.parent.name: json.loads(file.read_bytes()) for file in files}

    def record(self, run_id: str) -> dict[str, Any]:
        """The plain values of the metadata of a run's record; a run has just one."""
        found = [
            event
            for event in self.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
            if event.materialization.asset_key.path[1] in ("jobs", "ci")
        ]
        assert len(found) == 1
        return {name: value.value for name, value in found[0].materialization.metadata.items()}

    def statuses(self, run_id: str) -> list[tuple[str, str]]:
        """The name and status of every step, skipped ones too, as the run's record shows them."""
        rows = self.record(run_id)["steps"].splitlines()[2:]
        cells = [row.strip("|").split("|") for row in rows]
        return [(cell[3].strip(), cell[1].strip()) for cell in cells]

    def events(self, run_id: str, kind: dg.DagsterEventType) -> list[Any]:
        """The data of all events of one kind that a run has left, in order."""
        with self.instance() as instance:
            return [
                entry.dagster_event.event_specific_data
                for entry in instance.all_logs(run_id, of_type=kind)
                if entry.dagster_event is not None
            ]

    def checked(self, run_id: str) -> list[dg.AssetCheckEvaluation]:
        """The evaluations of tests and sources that a run has left; not that of its record."""
        found = self.events(run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        return [each for each in found if each.check_name != LAST_RUN]

    def materialized(self, run_id: str) -> list[str]:
        """The assets that a run has materialized, as `prod/orders`; not its record."""
        keys = [
            event.materialization.asset_key
            for event in self.events(run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        ]
        return [key.to_user_string() for key in keys if "jobs" not in key.path]

    def status(self, run_id: str) -> str:
        """The status of a run, in Dagster's word."""
        with self.instance() as instance:
            found = instance.get_run_by_id(run_id)
        assert found is not None
        return found.status.value


def _inherited(run: dg.DagsterRun) -> dict[str, str]:
    """The tags that Dagster gives to a re-execution from failure."""
    return {**run.tags, "dagster/parent_run_id": run.run_id, "dagster/is_resume_retry": "true"}


def make_site(directory: Path, project: Mapping[str, str] = PROJECT) -> Site:
    """Return a deployment in `directory` whose remote holds `project`.

    What runs in this process from now on imports dbt no more: each command is a fork.
    """
    children.keep_warm(Path(sys.executable), {})
    made = Site(directory)
    made.git(
        "init", "--quiet", "--bare", "--initial-branch", "main", str(made.remote), cwd=directory
    )
    made.git("clone", "--quiet", str(made.remote), str(made.working_copy), cwd=directory)
    made.git("config", "user.name", "Test")
    made.git("config", "user.email", "test@example.com")
    made.git("checkout", "--quiet", "-B", "main")
    made.push(project, "Begin")
    (directory / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    return made

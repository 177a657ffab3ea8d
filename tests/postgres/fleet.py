"""Two hosts that share Dagster's history, the artifacts, the remote and the warehouse, and no file.

The code server is on host A. Each run is a process of its own on one of the hosts, started as a
launcher starts it.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from upath import UPath

from deploy_project.orchestration.internals.launching import run_command
from deploy_project.releases.prepare import deploy, prepare
from deploy_project.runs.model import tags
from tests.postgres.history import make_site_on_postgres
from tests.support.deployments.site import Site
from tests.support.servers.postgres_server import Server
from tests.support.servers.s3 import BUCKET, Store
from tests.support.waiting import ended

DATABASE, HISTORY, PASSWORD = "fleet", "fleet_history", "fl33t-of-dagster"
LOCATION = "deploy_project"
PROJECT = {
    "dbt_project.yml": """
        name: fleet
        version: "1.0"
        profile: fleet
        flags: {send_anonymous_usage_stats: false}
    """,
    "models/orders.sql": "{{ config(materialized='table') }} select 1 as id, 10 as amount",
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('orders') }}",
    "models/late.sql": "select * from raw.late",
    "models/asleep.sql": "{{ config(materialized='table') }} select 1 as id from pg_sleep(600)",
}
DEPLOY = """
    dagster_url: http://127.0.0.1:9
    artifacts: s3://{bucket}/fleet
    projects:
      fleet:
        repository: {remote}
        pull_requests: {{refs: refs/pull/*/head}}
        variables: {{DBT_ENV_SECRET_PASSWORD: {{env: FLEET_PASSWORD}}}}
    environments:
      prod: &environment
        type: production
        branch: main
        connection: &connection
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: fleet
          password: "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: fleet
          schema: prod
          threads: 2
      staging: {{type: staging, branch: main, connection: *connection, schema: staging}}
"""
JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps: [dbt build --select orders revenue]
        generate_docs: true
      quick:
        environment: prod
        execute_steps: [dbt run --select orders]
      after_daily:
        environment: prod
        execute_steps: [dbt compile]
        job_completion_trigger_condition: {any: [{job: daily, statuses: [10]}]}
      slim:
        environment: staging
        deferring_environment: prod
        execute_steps: [dbt run --select revenue]
      late:
        environment: prod
        execute_steps: [dbt run --select orders late]
      endless:
        environment: prod
        execute_steps: [dbt run --select asleep]
      checks:
        environment: staging
        job_type: ci
        run_compare_changes: true
"""


@dataclass(frozen=True)
class Fleet:
    """The two hosts, and what they share."""

    a: Site
    b: Site
    server: Server
    store: Store
    instance: dg.DagsterInstance
    code_server: WorkspaceProcessContext

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        return self.server.execute(sql, DATABASE)

    def deploy(self, environment: str = "prod") -> str:
        """Deploy the remote's head as `deploy-project deploy` on A does; return the commit."""
        deployment, state = self.a.deployment, self.a.state
        commit = self.a.git("rev-parse", "origin/main")
        wanted = deployment.environments[environment]
        ready = prepare(deployment, wanted, commit, state, on_line=lambda _: None)
        deploy(deployment, wanted, ready, state)
        self.code_server.reload_code_location(LOCATION)
        return commit

    def requested(
        self, job: str, tags: Mapping[str, str] | None = None, *, assets: Sequence[str] = ()
    ) -> dg.DagsterRun:
        """Make a run as the UI and the daemon do: planned by A's code server, with its pointers."""
        selection = {dg.AssetKey(each.split("/")) for each in assets} or None
        location = self.code_server.create_request_context().get_code_location(LOCATION)
        found = location.get_job(
            JobSubsetSelector(LOCATION, "__repository__", job, None, asset_selection=selection)
        )
        plan = location.get_execution_plan(found, {}, None, None, self.instance)
        return self.instance.create_run(
            job_name=job,
            run_id=None,
            run_config={},
            status=dg.DagsterRunStatus.NOT_STARTED,
            tags={**found.tags, **(tags or {})},
            root_run_id=(tags or {}).get("dagster/root_run_id"),
            parent_run_id=(tags or {}).get("dagster/parent_run_id"),
            step_keys_to_execute=None,
            execution_plan_snapshot=plan.execution_plan_snapshot,
            job_snapshot=found.job_snapshot,
            parent_job_snapshot=found.parent_job_snapshot,
            asset_selection=frozenset(selection) if selection else None,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=found.get_remote_origin(),
            job_code_origin=found.get_python_origin(),
            asset_graph=location.get_repository("__repository__").asset_graph,
        )

    def start(self, host: Site, run: dg.DagsterRun, **more: str) -> subprocess.Popen[bytes]:
        """Start the process of a run on `host`, with what is there and nothing of the other's.

        `more` are variables of this process.
        """
        command, variables = run_command(self.instance, run)
        with (host.root / f"{run.run_id}.log").open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=host.root,
                env={**host.environment, **variables, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(
        self,
        host: Site,
        job: str,
        tags: Mapping[str, str] | None = None,
        *,
        assets: Sequence[str] = (),
    ) -> str:
        """Request a run, execute it on `host`, and return its id."""
        run = self.requested(job, tags, assets=assets)
        ended(self.start(host, run))
        return run.run_id

    def status(self, run_id: str) -> str:
        return self.a.status(run_id)

    def output(self, run_id: str) -> str:
        """What the process of a run has printed, for messages."""
        (file,) = (f for h in (self.a, self.b) for f in h.root.glob(f"{run_id}.log"))
        return file.read_text(encoding="utf-8")

    def kept(self, run_id: str, step: str = "") -> UPath:
        """Where a run's artifacts are, as A sees them."""
        return self.a.artifacts.run(run_id) / step

    def commit(self, run_id: str) -> str:
        """The commit that a run has built."""
        found = self.instance.get_run_by_id(run_id)
        assert found is not None
        return tags.commit(found.tags) or ""

    def deferred_to(self, run_id: str) -> str:
        """The run whose state the first command of a run was deferred to."""
        (file,) = self.kept(run_id).glob("04-*/step.json")
        return str(json.loads(file.read_bytes())["deferred_to"])

    def published(self, what: Any) -> str:
        """The run whose state or docs production has now, as A sees it."""
        artifacts = self.a.artifacts
        found = artifacts.published(artifacts.environment("prod"), what)
        return found.name if found is not None else ""


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process of a run and its dbt as a machine ends that loses its power."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    for each in (process.pid, *map(int, children.split())):
        os.kill(each, signal.SIGKILL)
    process.wait()


def _host_beside(other: Site, directory: Path) -> Site:
    """Return a second host with the same configuration, and none of the other's files."""
    directory.mkdir()
    for name in ("deploy.yaml", "jobs.yml", "dagster.yaml"):
        shutil.copy(other.root / name, directory / name)
    return Site(directory)


@contextmanager
def running(directory: Path, server: Server, store: Store) -> Generator[Fleet]:
    """Make the fleet; its variables are set in this process meanwhile."""
    server.execute(f"create role fleet login password '{PASSWORD}'")
    for database in (DATABASE, HISTORY):
        server.execute(f"create database {database} owner fleet")
    server.execute("create schema raw authorization fleet", DATABASE)
    (directory / "a").mkdir()
    a = make_site_on_postgres(directory / "a", PROJECT)
    a.configure(jobs=JOBS, deploy=DEPLOY.format(bucket=BUCKET, remote=a.remote, port=server.port))
    b = _host_beside(a, directory / "b")
    variables = {
        "DAGSTER_PG_HOST": "127.0.0.1",
        "DAGSTER_PG_PORT": str(server.port),
        "DAGSTER_PG_USER": "fleet",
        "DAGSTER_PG_PASSWORD": PASSWORD,
        "DAGSTER_PG_DB": HISTORY,
        "FLEET_PASSWORD": PASSWORD,
        "DEPLOY_CONFIG": str(a.root / "deploy.yaml"),
        "DEPLOY_STATE": str(a.state.root),
        **store.variables,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        target = ModuleTarget(
            module_name="deploy_project.definitions",
            attribute=None,
            working_directory=str(a.root),
            location_name=LOCATION,
        )
        with a.instance() as instance, WorkspaceProcessContext(instance, target) as code_server:
            yield Fleet(a, b, server, store, instance, code_server)

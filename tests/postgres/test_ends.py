"""Runs that are ended while their queries run: none of dbt's sessions stays in the database."""

import os
import signal
import subprocess
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.postgres.history import make_site_on_postgres
from tests.support.deployments.site import Site
from tests.support.running.processes import processes_of
from tests.support.servers.postgres_server import Server
from tests.support.waiting import wait

pytestmark = pytest.mark.slow

DATABASE = "naps"
SLEEPS = """
    {{ config(materialized='table', alias=env_var('DBT_NAME') ~ '_LETTER') }}
    -- depends_on: {{ ref('quick') }}
    select '{{ env_var("DBT_NAME") }}' as name from pg_sleep(600)
"""
PROJECT = {
    "dbt_project.yml": """
        name: naps
        version: "1.0"
        profile: naps
        flags: {send_anonymous_usage_stats: false}
    """,
    "models/quick.sql": "{{ config(alias=env_var('DBT_NAME') ~ '_quick') }} select 1 as id",
    "models/a.sql": SLEEPS.replace("LETTER", "a"),
    "models/b.sql": SLEEPS.replace("LETTER", "b"),
    "macros/nap.sql": """
        {% macro nap() %}
        {% do run_query("select pg_sleep(600), '" ~ env_var("DBT_NAME") ~ "'") %}
        {% endmacro %}
    """,
}
DEPLOY = """
    projects:
      naps: {{repository: REMOTE}}
    environments:
      prod:
        type: production
        branch: main
        variables: {{DBT_ENV_SECRET_PASSWORD: {{env: NAPS_PASSWORD}}, DBT_NAME: none}}
        connection:
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: naps
          password: "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: naps
          schema: naps
          threads: 2
"""
JOBS = """
    x-run: &run
      environment: prod
      execute_steps: [dbt run, dbt test]
    jobs:
      quick:
        environment: prod
        execute_steps: [dbt run --select quick]
      interrupted: {<<: *run, custom_environment_variables: [{DBT_NAME: interrupted}]}
      killed: {<<: *run, custom_environment_variables: [{DBT_NAME: killed}]}
      terminated:
        environment: prod
        execute_steps: [dbt run-operation nap, dbt test]
        custom_environment_variables: [{DBT_NAME: terminated}]
      limited:
        <<: *run
        execution: {timeout_seconds: LIMIT}
        custom_environment_variables: [{DBT_NAME: limited}]
"""


def interrupt(worker: int) -> None:
    os.kill(worker, signal.SIGINT)


def terminate(worker: int) -> None:
    """As systemd does it, which tells all processes of a service at once."""
    for each in (*children(worker), worker):
        os.kill(each, signal.SIGTERM)


def kill(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


ENDINGS: dict[str, Callable[[int], None]] = {
    "interrupted": interrupt,
    "terminated": terminate,
    "killed": kill,
}


def children(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8")
    return [int(each) for each in found.split()]


@dataclass(frozen=True)
class Naps:
    """Runs whose queries slept when they were ended; the sessions have gone meanwhile."""

    site: Site
    server: Server
    runs: dict[str, str]

    def kept(self, name: str, step: str) -> set[str]:
        place = self.site.directory(self.runs[name], step)
        return {str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()}

    @property
    def deploy(self) -> str:
        return DEPLOY.format(port=self.server.port)


@pytest.fixture(scope="module")
def naps(server: Server, history: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Naps]:
    server.execute("create role naps login password 'never-asleep'")
    server.execute(f"create database {DATABASE} owner naps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPS_PASSWORD", "never-asleep")
        site = make_site_on_postgres(tmp_path_factory.mktemp("naps"), PROJECT)
        site.configure(jobs=JOBS.replace("LIMIT", "40"), deploy=DEPLOY.format(port=server.port))
        assert site.run("prod__quick").success
        yield end_all(site, server)


def end_all(site: Site, server: Server) -> Naps:
    started = {name: start(site, name) for name in ENDINGS}
    with ThreadPoolExecutor() as pool:
        output = [pool.submit(each.communicate) for each in started.values()]
        try:
            for name, process in started.items():
                end_asleep(server, name, process.pid)
        except BaseException:
            for process in started.values():
                process.kill()
            raise
        for each in output:
            each.result()
    wait(lambda: not server.sessions(DATABASE), every=0.2)
    with site.instance() as instance:
        runs = [record.dagster_run for record in instance.get_run_records()]
    ids = {run.job_name.removeprefix("prod__"): run.run_id for run in runs}
    return Naps(site, server, ids)


def end_asleep(server: Server, name: str, worker: int) -> None:
    def asleep() -> int:
        queries = server.sessions(DATABASE)
        return len([each for each in queries if "pg_sleep" in each and name in each])

    wanted = 1 if name == "terminated" else 2
    wait(lambda: asleep() == wanted, otherwise=lambda: f"{name} sleeps", every=0.2)
    ENDINGS[name](worker)
    wait(lambda: asleep() == 0, otherwise=lambda: f"{name} is gone", every=0.2)


def start(site: Site, name: str) -> subprocess.Popen[str]:
    return site.start("job", "execute", "-m", "deploy_project.definitions", "-j", f"prod__{name}")


@pytest.mark.parametrize(
    ("name", "step"), [("interrupted", "04-dbt-run"), ("terminated", "04-dbt-run-operation")]
)
def test_an_ended_run_is_cancelled_and_keeps_what_it_has_done(naps: Naps, name: str, step: str):
    site, run_id = naps.site, naps.runs[name]
    assert site.status(run_id) == "CANCELED"
    assert site.record(run_id)["status"] == "Cancelled"
    assert [status for _, status in site.statuses(run_id)[3:]] == ["Cancelled", "Skipped"]
    assert {"console.log", "dbt.log", "step.json", "target/manifest.json"} <= naps.kept(name, step)


def test_what_was_built_before_the_end_is_told(naps: Naps):
    assert "target/run_results.json" in naps.kept("interrupted", "04-dbt-run")
    assert naps.site.materialized(naps.runs["interrupted"]) == ["prod/quick"]
    assert "CANCEL query" in naps.site.console(naps.runs["interrupted"], "04-dbt-run")


def test_no_dbt_outlives_its_run_not_even_a_killed_one(naps: Naps):
    wait(lambda: not processes_of(naps.site), every=0.2)
    assert naps.server.execute("select count(*) from naps.killed_quick", DATABASE) == [(1,)]


def test_a_run_that_times_out_leaves_no_session(naps: Naps):
    site = naps.site
    for limit in (20, 60, 180):  # a slow machine needs longer until the query runs
        site.configure(jobs=JOBS.replace("LIMIT", str(limit)), deploy=naps.deploy)
        run = site.run("prod__limited")
        assert site.status(run.run_id) == "CANCELED"
        assert naps.server.sessions(DATABASE) == []
        steps = site.steps(run.run_id)
        if "04-dbt-run" in steps and "CANCEL query" in site.console(run.run_id, "04-dbt-run"):
            break
    else:
        pytest.fail("dbt has never come as far as its query")
    assert f"timeout of {limit} seconds" in site.record(run.run_id)["message"]

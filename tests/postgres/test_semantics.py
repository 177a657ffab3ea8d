"""What else goes by the history in Postgres, and runs into other schemas of a real warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from deploy_project.orchestration.jobs.queue import supersede
from deploy_project.runs.instance.deactivation import deactivated
from deploy_project.runs.model import tags
from deploy_project.runs.outcome.ends import Cursor
from tests.postgres.history import make_site_on_postgres
from tests.support.deployments.site import Result, Site
from tests.support.history.run_records import Watch
from tests.support.servers.postgres_server import Server

pytestmark = pytest.mark.slow

DATABASE = "studio"
JOB = "studio__nightly"
PROJECT = {
    "dbt_project.yml": """
        name: studio
        version: "1.0"
        profile: studio
        flags: {send_anonymous_usage_stats: false}
    """,
    "models/orders.sql": "{{ config(materialized='table') }} select 1 as id, 10 as amount",
    "models/totals.sql": """
        {{ config(materialized='table', schema='marts') }}
        select sum(amount) as total from {{ ref('orders') }}
    """,
}
OWN_MACRO = """
    {% macro generate_schema_name(custom_schema_name, node) %}
    {{ (custom_schema_name ~ '_of_' if custom_schema_name else '') ~ target.schema }}
    {% endmacro %}
"""
BROKEN = "select nothing from {{ ref('totals') }}"
MENDED = BROKEN.replace("nothing", "total")
DEPLOY = """
    defaults: {{deactivate_after: 1}}
    projects:
      studio: {{repository: REMOTE}}
    environments:
      studio:
        type: production
        branch: main
        variables: {{DBT_ENV_SECRET_PASSWORD: {{env: STUDIO_PASSWORD}}}}
        connection:
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: studio
          password: "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: studio
          schema: prod
          threads: 1
"""
JOBS = """
    jobs:
      nightly: {environment: studio, execute_steps: [dbt build]}
"""
TABLES = """
    select nspname || '.' || relname from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'v') and nspname !~ '^(pg_|information_schema)' order by 1
"""
PRODUCTION = """
    select relname, pg_class.oid::text from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace where nspname ~ '^prod' order by 1
"""


@dataclass(frozen=True)
class Studio:
    """Production; then a run elsewhere; one that fails elsewhere, and its retry."""

    site: Site
    server: Server
    elsewhere: Result
    failed: Result
    retried: Result
    production: tuple[object, object]
    """Before and after the runs elsewhere."""
    why: tuple[str | None, str | None]
    """Why the job was deactivated before its retry, and after it."""

    def tables(self, pattern: str) -> list[object]:
        found = self.server.execute(TABLES, DATABASE)
        return [name for (name,) in found if pattern in str(name)]


@pytest.fixture(scope="module")
def studio(
    server: Server, history: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    server.execute("create role studio login password 'easel-and-paint'")
    server.execute(f"create database {DATABASE} owner studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDIO_PASSWORD", "easel-and-paint")
        site = make_site_on_postgres(tmp_path_factory.mktemp("studio"), PROJECT)
        site.configure(jobs=JOBS, deploy=DEPLOY.format(port=server.port))
        yield run_all(site, server)


def run_all(site: Site, server: Server) -> Studio:
    def why() -> str | None:
        with site.instance() as instance:
            return deactivated(instance, site.deployment.jobs[JOB])

    assert site.run(JOB).success
    before = server.execute(PRODUCTION, DATABASE)
    elsewhere = site.run(JOB, {tags.SCHEMA_OVERRIDE: "trial"})
    site.push({"macros/own.sql": OWN_MACRO, "models/summary.sql": BROKEN})
    failed = site.run(JOB, {tags.SCHEMA_OVERRIDE: "other"})
    after_failure = why()
    site.push({"models/summary.sql": MENDED})
    retried = site.run(JOB, retry_of=failed.run_id)
    after = server.execute(PRODUCTION, DATABASE)
    return Studio(site, server, elsewhere, failed, retried, (before, after), (after_failure, why()))


def test_custom_schemas_of_a_run_elsewhere_go_by_dbts_default(studio: Studio):
    assert studio.elsewhere.success
    assert studio.tables("trial") == ["trial.orders", "trial_marts.totals"]


def test_custom_schemas_of_a_run_elsewhere_go_by_the_projects_own_macro(studio: Studio):
    assert studio.tables("other") == ["marts_of_other.totals", "other.orders", "other.summary"]


def test_production_stays_as_it_was(studio: Studio):
    before, after = studio.production
    assert before == after
    assert studio.tables("prod") == ["prod.orders", "prod_marts.totals"]
    for run in (studio.elsewhere, studio.failed, studio.retried):
        assert studio.site.materialized(run.run_id) == []


def test_a_retry_goes_on_in_the_schema_of_its_run(studio: Studio):
    assert not studio.failed.success
    assert studio.retried.success
    site, run_id = studio.site, studio.retried.run_id
    assert site.steps(run_id)["04-dbt-build"]["name"] == "Invoke dbt with `dbt retry`"
    assert site.steps(run_id)["04-dbt-build"]["counts"] == {"success": 1}
    record = site.record(run_id)
    assert (record["resumed_run"], record["schema_override"]) == (studio.failed.run_id, "other")
    assert site.record(studio.elsewhere.run_id)["schema_override"] == "trial"


def test_failures_in_a_row_deactivate_a_job_and_a_success_ends_the_row(studio: Studio):
    before, after = studio.why
    assert before is not None
    assert before.startswith("Job has been deactivated due to repeated run failures.")
    assert studio.site.record(studio.failed.run_id)["deactivated"] == before
    assert after is None


def test_runs_that_ended_in_the_queue_get_their_record_once(studio: Studio):
    site = studio.site
    with site.instance() as instance:
        watch = Watch(site, instance, Cursor(datetime.now(UTC)))
        superseded, by_hand = watch.queued(JOB), watch.queued(JOB, **{tags.TRIGGER: "ui"})
        assert supersede(instance, JOB, "scheduled", own=(tags.RUN_KEY, "")) == [superseded.run_id]
        assert instance.run_coordinator.cancel_run(by_hand.run_id)
        assert watch.tick(later=timedelta(0)) == [], "its own process might still be writing"
        assert len(watch.tick()) == 2
        assert watch.tick() == []
    messages = [site.record(each.run_id)["message"] for each in (superseded, by_hand)]
    assert messages[0].startswith("Cancelled while it waited: a newer scheduled run")
    assert messages[1] == "Cancelled by user."

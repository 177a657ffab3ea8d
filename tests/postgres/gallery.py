"""Pull requests in a warehouse that others use, too: how they were built, and cleaned up after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import dagster as dg

from tests.support.deployments import reconstruct
from tests.support.deployments.dagster_jobs import ORIGIN
from tests.support.deployments.hosting_site import HostingSite, Pull
from tests.support.deployments.site import Result, Site
from tests.support.paths import ROOT
from tests.support.running.daemon import Daemon
from tests.support.servers.postgres_server import Server
from tests.support.waiting import wait

DATABASE, PASSWORD = "gallery", "pa1nt-and-canvas"
JOB, SWEEP, SENSOR = "review__checks", "review__ci_sweep", "gallery_pull_requests"
LOCK = 71
PROJECT = {
    "dbt_project.yml": """
        name: gallery
        version: "1.0"
        profile: gallery
        flags: {send_anonymous_usage_stats: false}
    """,
    "macros/schemas.sql": """
        {% macro generate_schema_name(custom, node) -%}
            {{ target.schema ~ ('_' ~ custom ~ ' (own)' if custom else '') }}
        {%- endmacro %}
    """,
    "models/orders.sql": "{{ config(materialized='table') }} select 1 as id, 10 as amount",
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('orders') }}",
    "models/report.sql": "{{ config(schema='Größe') }} select * from {{ ref('revenue') }}",
    "models/schema.yml": """
        models:
          - name: revenue
            columns:
              - name: revenue
                data_tests: [{accepted_values: {arguments: {values: [10, 20]}}}]
    """,
}
CHANGED = """
    select FACTOR * sum(amount) as revenue from {{ ref('orders') }}
    {% if execute %}{% do run_query("select pg_advisory_lock_shared(LOCK)") %}{% endif %}
""".replace("LOCK", str(LOCK))
DEPLOY = """
    projects:
      gallery:
        repository: REMOTE
        hosting: {{kind: github, url: {hub}/acme/shop, api_url: {hub}/api/v3, token: {{env: HUB}}}}
        variables: {{DBT_ENV_SECRET_PASSWORD: {{env: GALLERY_PASSWORD}}}}
    environments:
      prod:
        type: production
        branch: main
        connection:
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: gallery
          password: &password "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: gallery
          schema: prod
          threads: 2
      review:
        branch: main
        connection:
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: visitor
          password: *password
          dbname: gallery
          schema: review
          threads: 2
"""
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      checks: {id: 1, environment: review, job_type: ci}
"""
SCHEMAS = "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
PRODUCTION = """
    select nspname, relname, pg_class.oid::text from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace where nspname ~ '^prod' order by 1, 2
"""


@dataclass
class Gallery:
    """Production, and what happens to its pull requests 1 and 12."""

    site: Site
    server: Server
    hub: HostingSite
    daemon: Daemon
    runs: dict[str, str] = field(default_factory=dict[str, str])
    """The runs, by what the story calls them."""

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.execute(sql, DATABASE)

    def schemas(self) -> set[str]:
        return {name for (name,) in self.ask(SCHEMAS)}

    def tick(self) -> Sequence[dg.RunRequest]:
        with self.site.working_directory():  # where the launcher finds the processes of runs
            return self.daemon.tick(SENSOR).requests

    def push(self, number: int, factor: int) -> str:
        """Push a commit to a pull request, which opens it."""
        self.site.git("checkout", "--quiet", "-B", f"pr-{number}", "origin/main")
        changed = {"models/revenue.sql": CHANGED.replace("FACTOR", str(factor))}
        head = self.site.push(changed, f"{number}, times {factor}", ref=f"pr-{number}")
        self.close(number)
        self.hub.pulls.append(Pull(number, head, branch=f"pr-{number}"))
        return head

    def close(self, number: int) -> None:
        self.hub.pulls[:] = [each for each in self.hub.pulls if each.number != number]

    def queue(self, request: dg.RunRequest, name: str) -> None:
        """Do what Dagster's daemon does with a request."""
        job = self.site.definitions().resolve_job_def(JOB)
        origin = dg.build_reconstructable_job(
            reconstruct.__name__,
            reconstruct.job.__name__,
            cast(Any, (str(self.site.root), str(self.site.state.root), JOB, {}, "")),
            reconstructor_working_directory=str(ROOT),
        ).get_python_origin()
        made = self.daemon.instance.create_run_for_job(
            job,
            status=dg.DagsterRunStatus.QUEUED,
            tags={**job.tags, **request.tags},
            remote_job_origin=ORIGIN,
            job_code_origin=origin,
        )
        self.runs[name] = made.run_id

    def launch(self, name: str) -> None:
        """Do what Dagster's daemon does with a run whose turn it is."""
        with self.site.working_directory():
            self.daemon.instance.launch_run(self.runs[name], cast(Any, None))

    def wait(self, *names: str, until: Callable[[], bool]) -> None:
        """Wait until something holds; what these runs have said tells why it does not."""
        wait(until, otherwise=lambda: "\n".join(map(self.said, names)), every=0.2)

    def said(self, name: str) -> str:
        with self.site.instance() as instance:
            return "\n".join(each.message for each in instance.all_logs(self.runs[name]))

    def is_ended(self, name: str) -> bool:
        return self.site.status(self.runs[name]) in ("SUCCESS", "FAILURE", "CANCELED")

    def waiting(self) -> int:
        """How many runs build right now, and wait for us."""
        sql = f"select count(*) from pg_locks where objid = {LOCK} and not granted"
        ((count,),) = self.ask(sql)
        return count

    def run(self, request: dg.RunRequest) -> Result:
        return self.site.run(request.job_name or SWEEP, request.tags)

    def statuses(self, commit: str) -> list[tuple[str, str]]:
        found = [each for each in self.hub.statuses if each["sha"] == commit]
        assert {each["context"] for each in found} == {"dbt/review/checks"}
        return [(each["state"], each["target_url"]) for each in found]

    def comments(self, number: int) -> list[str]:
        """All that the comment on a pull request has ever said, in order."""
        notes = {str(note.id) for note in self.hub.notes if note.pull == number}
        return [
            each.body["body"]
            for each in self.hub.requests
            if (each.method == "POST" and each.path.endswith(f"/issues/{number}/comments"))
            or (each.method == "PATCH" and each.path.rpartition("/")[2] in notes)
        ]


def prepare(server: Server) -> None:
    """Make the warehouse: pull requests have a role of their own, which may read production."""
    for role in ("gallery", "visitor"):
        server.execute(f"create role {role} login password '{PASSWORD}'")
    server.execute(f"create database {DATABASE} owner gallery")
    server.execute(
        """
        grant create on database gallery to visitor;
        create schema prod authorization gallery;
        grant usage on schema prod to visitor;
        alter default privileges for role gallery grant select on tables to visitor;
        """,
        DATABASE,
    )


@dataclass(frozen=True)
class Built:
    """Two pull requests that were built side by side; the second got a new head meanwhile."""

    heads: Mapping[str, str]
    """The commit of each run, by what the story calls it."""
    overlapping: tuple[str, str]
    """The statuses of both runs while both were building."""
    schemas: set[str]
    views: Mapping[tuple[str, str], str]
    """The SQL of each view by its schema and name, as Postgres has it."""
    production: Sequence[tuple[Any, ...]]
    """The relations of production before there were pull requests."""


@dataclass(frozen=True)
class Cleaned:
    """What two clean-ups have left."""

    closing: Result
    """When 1 was closed, and a view of somebody else read from what it had built."""
    after_closing: set[str]
    missed: Result
    """The daily one, when 12 was merged and no sensor had seen it."""


@dataclass(frozen=True)
class Story:
    gallery: Gallery
    built: Built
    cleaned: Cleaned


def build(gallery: Gallery) -> Built:
    assert gallery.tick() == []
    assert gallery.site.run("prod__nightly").success
    production = gallery.ask(PRODUCTION)
    heads = {"1": gallery.push(1, 2), "stale": gallery.push(12, 2)}
    with gallery.server.locked(LOCK, DATABASE):
        for request, name in zip(gallery.tick(), ("1", "stale"), strict=True):
            gallery.queue(request, name)
            gallery.launch(name)
        gallery.wait("1", "stale", until=lambda: gallery.waiting() == 2)
        statuses = [gallery.site.status(gallery.runs[name]) for name in ("1", "stale")]
        heads["12"] = gallery.push(12, 3)
        (request,) = gallery.tick()
        gallery.queue(request, "12")
        gallery.wait("stale", until=lambda: gallery.is_ended("stale"))
    gallery.launch("12")
    gallery.wait("1", "12", until=lambda: gallery.is_ended("1") and gallery.is_ended("12"))
    views = gallery.ask("select schemaname, viewname, definition from pg_views")
    return Built(
        heads,
        (statuses[0], statuses[1]),
        gallery.schemas(),
        {(schema, name): sql for schema, name, sql in views},
        production,
    )


def clean_up(gallery: Gallery) -> Cleaned:
    gallery.ask(
        """
        create schema dbt_cloud_pr_1_1_theirs; create schema analyst;
        create view analyst.peek as select * from dbt_cloud_pr_1_1.revenue;
        """
    )
    gallery.close(1)
    (request,) = gallery.tick()
    closing, after_closing = gallery.run(request), gallery.schemas()
    assert gallery.ask("select * from analyst.peek") == [(20,)]
    gallery.ask("drop view analyst.peek")
    gallery.close(12)
    repository = gallery.site.definitions().get_repository_def()
    schedule = repository.get_schedule_def(f"{SWEEP}_schedule")
    context = dg.build_schedule_context(gallery.daemon.instance)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    return Cleaned(closing, after_closing, gallery.run(request))

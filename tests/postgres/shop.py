"""Environments with credentials of their own in one Postgres database, and what their runs did."""

from dataclasses import dataclass
from pathlib import Path

from tests.postgres.history import make_site_on_postgres
from tests.support.deployments.site import Result, Site
from tests.support.servers.postgres_server import Server

DATABASE = "shop"
PASSWORDS = {"production": 'pr0d/é&"pass½', "staging": "st4ging'pass"}
PROJECT = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
    """,
    "profiles.yml": """
        shop:
          target: warehouse
          outputs:
            warehouse:
              type: postgres
              host: 127.0.0.1
              port: "{{ env_var('DBT_PORT') | as_number }}"
              user: production
              password: "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}"
              dbname: shop
              schema: prod
              threads: 2
    """,
    "seeds/countries.csv": "code,name\nDE,Germany\nFR,France\n",
    "models/payments.sql": """
        {{ config(materialized='incremental', unique_key='id') }}
        select id, amount from {{ source('raw', 'payments') }}
        {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
    """,
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('payments') }}",
    "models/schema.yml": """
        sources:
          - name: raw
            tables:
              - name: payments
                config:
                  loaded_at_field: loaded_at
                  freshness: {error_after: {count: 2, period: day}}
        models:
          - name: payments
            columns:
              - name: id
                data_tests: [not_null, unique]
        snapshots:
          - name: payments_history
            relation: source('raw', 'payments')
            config: {unique_key: id, strategy: check, check_cols: [amount]}
    """,
}
DEPLOY = """
    projects:
      shop:
        id: 11
        repository: REMOTE
        variables: {{DBT_PORT: {port}}}
    environments:
      prod:
        type: production
        branch: main
        variables: {{DBT_ENV_SECRET_PASSWORD: {{env: PRODUCTION_PASSWORD}}}}
      staging:
        type: staging
        branch: staging
        variables: &password {{DBT_ENV_SECRET_PASSWORD: {{env: STAGING_PASSWORD}}}}
        connection: &connection
          type: postgres
          host: 127.0.0.1
          port: "{{{{ env_var('DBT_PORT') | as_number }}}}"
          user: staging
          password: "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: shop
          schema: staging
          threads: 2
      careless: {{branch: main, variables: *password, connection: *connection, schema: prod}}
"""
JOBS = """
    jobs:
      daily:
        id: 17
        environment: prod
        execute_steps: [dbt build]
        run_generate_sources: true
        generate_docs: true
      hourly:
        environment: prod
        execute_steps: [dbt build]
      after_daily:
        environment: prod
        execute_steps: [dbt compile]
        job_completion_trigger_condition:
          condition: {job_id: 17, project_id: 11, statuses: [10]}
      changed:
        environment: staging
        deferring_environment: prod
        execute_steps: ["dbt build --select state:modified+"]
      checks:
        id: 23
        environment: staging
        job_type: ci
      overreach:
        environment: careless
        execute_steps: [dbt run --select revenue]
"""


@dataclass(frozen=True)
class Shop:
    """Production twice, with a new row in between; a change on staging, and as a pull request."""

    site: Site
    server: Server
    first: Result
    second: Result
    changed: Result
    checks: Result
    overreach: Result

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        return self.server.execute(sql, DATABASE)


def prepare(server: Server) -> None:
    """Make the warehouse with its raw data; staging may read what production owns."""
    server.execute(f"create database {DATABASE}")
    for role, password in PASSWORDS.items():
        quoted = password.replace("'", "''")
        server.execute(f"create role {role} login password '{quoted}'")
        schema = "prod" if role == "production" else role
        server.execute(f"create schema {schema} authorization {role}", DATABASE)
    server.execute(
        """
        grant create on database shop to staging;
        grant usage on schema prod to staging;
        alter default privileges for role production in schema prod
            grant select on tables to staging;
        create schema raw;
        create table raw.payments as
            select 1 as id, 10 as amount, now()::timestamp - interval '1 hour' as loaded_at;
        grant usage on schema raw to production, staging;
        grant select on raw.payments to production, staging;
        """,
        DATABASE,
    )


def run_shop(directory: Path, server: Server) -> Shop:
    """Run the story; the first run as `dagster job execute` does it."""
    prepare(server)
    site = make_site_on_postgres(directory, PROJECT)
    site.configure(jobs=JOBS, deploy=DEPLOY.format(port=server.port))
    first = site.execute("prod__daily")
    server.execute("insert into raw.payments values (1, 99, now()), (2, 20, now())", DATABASE)
    second, overreach = site.run("prod__hourly"), site.run("careless__overreach")
    revenue = "select 2 * sum(amount) as revenue from {{ ref('payments') }}"
    site.push({"models/revenue.sql": revenue}, ref="staging")
    changed = site.run("staging__changed")
    commit = site.git("rev-parse", "HEAD")
    checks = site.run("staging__checks", {"deploy/pull_request": "7", "deploy/commit": commit})
    return Shop(site, server, first, second, changed, checks, overreach)

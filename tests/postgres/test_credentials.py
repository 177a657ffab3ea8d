"""Each environment has its own credentials: staging can't write production; nothing tells them."""

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pytest

from deploy_project.dbt.secrets import Scrubber
from tests.integration.conftest import Result, Site
from tests.postgres.conftest import HISTORY_PASSWORD, make_site_on_postgres
from tests.postgres.server import Server

pytestmark = pytest.mark.slow

DATABASE = "bank"
PASSWORDS = {"production": "pr0d/ü&pass", "staging": "st4ging'pass"}
PROJECT = {
    "dbt_project.yml": """
        name: bank
        version: "1.0"
        profile: bank
        flags: {send_anonymous_usage_stats: false}
    """,
    "models/balances.sql": """
        {{ config(materialized='table') }}
        select '{{ env_var("DBT_WHO") }}'::text as owner
    """,
}
DEPLOY = """
    projects:
      bank: {{repository: REMOTE}}
    environments:
      production:
        type: production
        branch: main
        variables: {{DBT_WHO: production, DBT_ENV_SECRET_PASSWORD: {{env: PRODUCTION_PASSWORD}}}}
        connection: &connection
          type: postgres
          host: 127.0.0.1
          port: {port}
          user: production
          password: "{{{{ env_var('DBT_ENV_SECRET_PASSWORD') }}}}"
          dbname: bank
          schema: production
          threads: 1
      staging:
        type: staging
        branch: main
        variables: &staging {{DBT_WHO: staging, DBT_ENV_SECRET_PASSWORD: {{env: STAGING_PASSWORD}}}}
        connection: &staging_connection {{<<: *connection, user: staging, schema: staging}}
      careless:
        branch: main
        variables: *staging
        connection: *staging_connection
        schema: production
"""
JOBS = """
    jobs:
      production_build: {environment: production, execute_steps: [dbt build]}
      staging_build: {environment: staging, execute_steps: [dbt build]}
      careless_build: {environment: careless, execute_steps: [dbt build]}
"""


@dataclass(frozen=True)
class Bank:
    """One run of each environment."""

    site: Site
    server: Server
    production: Result
    staging: Result
    careless: Result

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        return self.server.execute(sql, DATABASE)


@pytest.fixture(scope="module")
def bank(server: Server, history: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Bank]:
    server.execute(f"create database {DATABASE}")
    site = make_site_on_postgres(tmp_path_factory.mktemp("bank"), PROJECT)
    site.configure(jobs=JOBS, deploy=DEPLOY.format(port=server.port))
    with pytest.MonkeyPatch.context() as patch:
        for role, password in PASSWORDS.items():
            quoted = password.replace("'", "''")
            server.execute(f"create role {role} login password '{quoted}'")
            server.execute(f"create schema {role} authorization {role}", DATABASE)
            patch.setenv(f"{role.upper()}_PASSWORD", password)
        server.execute("grant usage on schema production to staging", DATABASE)
        yield Bank(
            *(site, server),
            production=site.run("production__production_build"),
            staging=site.run("staging__staging_build"),
            careless=site.run("careless__careless_build"),
        )


def test_each_environment_writes_its_own_schema(bank: Bank):
    assert bank.production.success
    assert bank.staging.success
    assert bank.ask(
        "select schemaname, tableowner from pg_tables where tablename = 'balances'"
    ) == [
        ("production", "production"),
        ("staging", "staging"),
    ]


def test_staging_credentials_cannot_write_production(bank: Bank):
    assert not bank.careless.success
    record = bank.site.record(bank.careless.run_id)
    assert record["status"] == "Error"
    assert "permission denied for schema production" in record["message"]
    assert bank.ask("select owner from production.balances") == [("production",)]


def test_no_file_holds_a_password(bank: Bank):
    """Logs, artifacts, profiles, the deployed manifest; all but dbt's own parse for this user."""
    files = [file for file in bank.site.root.rglob("*") if file.is_file()]
    shown = [file for file in files if file.suffix != ".msgpack"]
    assert len(shown) > 50
    assert [file for file in shown if tells(file.read_bytes())] == []


def test_no_row_of_dagsters_database_holds_a_password(bank: Bank):
    rows = [row for table in tables(bank.server) for row in table]
    assert any(bank.careless.run_id.encode() in row for row in rows)
    assert any(b"permission denied for schema production" in row for row in rows)
    assert [row for row in rows if tells(row)] == []


def tables(server: Server) -> Iterator[Iterator[bytes]]:
    for (name,) in server.execute(
        "select tablename from pg_tables where schemaname = 'public'", "history"
    ):
        found = server.execute(f'select * from "{name}"', "history")
        yield (b" ".join(plain(value) for value in row) for row in found)


def plain(value: object) -> bytes:
    """The text of a value; Dagster keeps its snapshots compressed."""
    return zlib.decompress(value) if isinstance(value, memoryview) else str(value).encode()


def tells(content: bytes) -> bool:
    return any(spelling in content for spelling in SPELLINGS)


SPELLINGS = [each.encode() for each in Scrubber([*PASSWORDS.values(), HISTORY_PASSWORD]).secrets]

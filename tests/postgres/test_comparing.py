"""What a pull request changes in the data, on Postgres, as a role that may only read production."""

import pytest

from tests.support.comparing import (
    BEFORE,
    JOBS,
    Compared,
    check_counts,
    check_samples,
    run_pull_request,
)
from tests.support.deployments.site import make_site
from tests.support.servers.postgres_server import Server

pytestmark = pytest.mark.slow
PROJECT = {
    "dbt_project.yml": """
        name: tiny
        version: "1.0"
        profile: tiny
        flags: {send_anonymous_usage_stats: false}
    """,
    "models/documents.sql": """
        {{ config(materialized='table') }}
        select 1 as id, cast('{"a": 1}' as json) as document
    """,
    **BEFORE,
}
DEPLOY = """
    projects:
      tiny: {{repository: REMOTE}}
    environments:
      prod: {{type: production, branch: main, connection: {owner}, schema: prod}}
      staging: {{type: staging, branch: main, connection: {reader}, schema: staging}}
"""


@pytest.fixture(scope="module")
def compared(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    server.execute("create database comparing")
    for role in ("cmp_owner", "cmp_reader"):
        server.execute(f"create role {role} login password '{role}-pass'")
        server.execute(f"grant create on database comparing to {role}")
    server.execute(
        """
        create schema prod authorization cmp_owner;
        grant usage on schema prod to cmp_reader;
        alter default privileges for role cmp_owner in schema prod
            grant select on tables to cmp_reader;
        """,
        "comparing",
    )

    def connection(role: str) -> str:
        return (
            f"{{type: postgres, host: 127.0.0.1, port: {server.port}, user: {role}, "
            f"password: {role}-pass, dbname: comparing, threads: 2}}"
        )

    site = make_site(tmp_path_factory.mktemp("compare"), PROJECT)
    deploy = DEPLOY.format(owner=connection("cmp_owner"), reader=connection("cmp_reader"))
    site.configure(jobs=JOBS, deploy=deploy)
    change = """
        {{ config(materialized='table') }}
        select 1 as id, cast('{"a": 2}' as json) as document
    """
    return run_pull_request(site, {"models/documents.sql": change})


def test_rows_and_columns_are_counted(compared: Compared):
    check_counts(compared)


def test_samples_show_what_has_changed_and_nothing_sensitive(compared: Compared):
    check_samples(compared)


def test_columns_have_the_types_of_the_warehouse(compared: Compared):
    orders = compared.of("orders")
    assert orders["columns_added"] == [["extra", "numeric"]]
    assert orders["columns_removed"] == [["dropped", "text"]]
    assert orders["columns_retyped"] == [["amount", "integer", "bigint"]]


def test_what_has_no_equality_is_compared_as_text(compared: Compared):
    documents = compared.of("documents")
    assert (documents["added"], documents["removed"]) == (1, 1)
    assert documents["samples"]["added"]["rows"] == [["1", '{"a": 2}']]


def test_a_model_that_fails_does_not_keep_the_others_from_it(compared: Compared):
    assert compared.run.success
    assert "invalid input syntax for type integer" in compared.of("broken")["why"]

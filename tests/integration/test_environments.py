"""What an environment fixes: its dbt, its connection; and a run that is asked to go elsewhere."""

import json
from pathlib import Path

import duckdb
import pytest

from deploy_project.releases import pointer
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
      older:
        branch: main
        target: prod
        schema: ignored
        dbt_version: "1.10.*"
        extended_attributes:
          path: "{{ env_var('DBT_OLDER') }}/older.duckdb"
          schema: marts
        variables: {DBT_OLDER: STATE}
"""
JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps: [dbt build]
        generate_docs: true
      older: {environment: older, execute_steps: [dbt build]}
      newer: {environment: older, dbt_version: "1.11", execute_steps: [dbt parse]}
"""
TABLES = "select table_schema, table_name from information_schema.tables order by all"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, older_dbt: Path) -> Site:
    made = make_site(tmp_path_factory.mktemp("environments"), PROJECT)
    made.configure(deploy=DEPLOY.replace("STATE", str(made.state.root)), jobs=JOBS)
    made.state.root.mkdir()
    (made.state.root / "dbt").symlink_to(older_dbt)
    return made


@pytest.fixture(scope="module")
def daily(site: Site) -> Result:
    return site.run("prod__daily")


@pytest.fixture(scope="module")
def older(site: Site, daily: Result) -> Result:
    return site.run("older__older")


def minor(site: Site, done: Result) -> str:
    assert done.success
    return str(site.record(done.run_id)["dbt_version"]).rpartition(".")[0]


def test_two_environments_of_a_project_have_two_dbts(site: Site, daily: Result, older: Result):
    assert (minor(site, daily), minor(site, older)) == ("1.11", "1.10")
    profile = site.console(older.run_id, "02-create-profile")
    assert "dbt 1.10." in profile
    assert "1.10.*" not in profile, "it says which one it is"


def test_they_share_no_parse(site: Site, daily: Result, older: Result):
    commit = site.git("rev-parse", "HEAD")
    manifests = site.state.checkout("tiny", commit).root.glob("parsed/*/manifest.json")
    versions = {
        each.parent.name.partition("-")[0]: json.loads(each.read_bytes())["metadata"]["dbt_version"]
        for each in manifests
    }
    assert {name: version[:4] for name, version in versions.items()} == {
        "prod": "1.11",
        "older": "1.10",
    }


def test_extended_attributes_replace_what_the_connection_says(site: Site, older: Result):
    with duckdb.connect(str(site.state.root / "older.duckdb"), read_only=True) as connection:
        found = connection.execute(TABLES).fetchall()
    assert found == [("marts", "orders"), ("marts", "revenue")]
    assert site.query(TABLES) == [("main", "orders"), ("main", "revenue")]


def test_a_jobs_dbt_goes_over_its_environments(site: Site, older: Result):
    assert minor(site, site.run("older__newer")) == "1.11"


@pytest.fixture(scope="module")
def elsewhere(site: Site, older: Result) -> Result:
    """A run in another schema, on a new commit, after production has lost a view."""
    site.push({"models/more.sql": "select 1 as id"})
    site.change("drop view main.revenue")
    return site.run("prod__daily", {"deploy/schema_override": "trial"})


def test_a_run_may_go_to_another_schema(site: Site, elsewhere: Result):
    assert elsewhere.success
    assert site.query(TABLES) == [
        ("main", "orders"),
        *(("trial", name) for name in ("more", "orders", "revenue")),
    ]
    assert "Override schema to 'trial'" in site.console(elsewhere.run_id, "02-create-profile")
    assert site.record(elsewhere.run_id)["schema_override"] == "trial"


def test_it_leaves_everything_of_production_as_it_was(site: Site, daily: Result, elsewhere: Result):
    assert site.materialized(elsewhere.run_id) == []
    artifacts = site.artifacts
    owners = artifacts.environment("prod"), artifacts.job("prod__daily")
    published = [artifacts.published(owner, "state") for owner in owners]
    published.append(artifacts.published(owners[0], "docs"))
    assert [each.name for each in published if each is not None] == [daily.run_id] * 3
    deployed = pointer.deployed(site.state, "prod")
    assert deployed is not None
    assert deployed.commit == site.record(daily.run_id)["commit"]
    assert deployed.commit != site.record(elsewhere.run_id)["commit"]


def test_the_next_run_is_as_ever(site: Site, elsewhere: Result):
    done = site.run("prod__daily")
    assert done.success
    assert "prod/revenue" in site.materialized(done.run_id)
    assert [name for schema, name in site.query(TABLES) if schema == "main"] == [
        *("more", "orders", "revenue"),
    ]
    assert "schema_override" not in site.record(done.run_id)

"""Names that Dagster can't have or can't tell apart, from the files to the asset catalog."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt build]
      nightly__dbt_build:
        environment: prod
        execute_steps: [dbt build]
"""
NAMED = {
    **PROJECT,
    "models/売上.sql": "select 1 as id",
    "models/顧客.sql": "select 1 as id",
    "models/商品.sql": "select 1 as id union all select 1",
    "models/a-b.sql": "select 2 as id",
    "models/a_b.sql": "select 3 as id",
    "models/odd.sql": "select 4 as id",
    "models/read.sql": "select * from {{ source('raw', 'countries') }}",
    "models/schema.yml": """
        sources:
          - name: raw
            schema: main
            tables: [{name: countries, identifier: orders}]
        models:
          - {name: 売上, columns: [{name: id, data_tests: [unique]}]}
          - {name: 顧客, columns: [{name: id, data_tests: [unique]}]}
          - name: 商品
            columns: [{name: id, data_tests: [{unique: {config: {severity: warn}}}]}]
          - name: odd
            config: {meta: {dagster: {asset_key: [jobs, nightly]}}}
    """,
}
SEED = {
    "seeds/countries.csv": "code\nDE\n",
    "seeds/seeds.yml": """
        seeds:
          - name: countries
            config: {meta: {dagster: {asset_key: [raw, countries]}}}
    """,
}


@dataclass(frozen=True)
class Story:
    """A run of the deployed commit, and one of a commit that is not deployed and has a seed."""

    site: Site
    run: Result
    other: Result


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("names"), NAMED)
    site.configure(jobs=JOBS)
    run = site.run("prod__nightly")
    seeded = site.push(SEED)
    return Story(site, run, site.run("prod__nightly", {"deploy/commit": seeded}))


def keys(site: Site) -> dict[str, str]:
    """Return the keys of what is shown, by dbt's unique id."""
    graph = site.definitions().resolve_asset_graph()
    named = {key.to_user_string(): graph.get(key).metadata for key in graph.get_all_asset_keys()}
    return {
        metadata["dbt/unique_id"]: key
        for key, metadata in named.items()
        if "dbt/unique_id" in metadata
    }


def test_every_model_is_shown_and_reported_under_its_own_key(story: Story):
    """The location did not load: three models had one key."""
    assert story.run.success
    found = keys(story.site)
    models = {each for each in found if each.startswith("model.")}
    assert {f"model.tiny.{name}" for name in ("売上", "顧客", "商品", "a-b", "a_b")} <= models
    assert len(set(found.values())) == len(found)
    assert found["model.tiny.a-b"] == "prod/a-b"
    assert found["model.tiny.a_b"] == "prod/model/tiny/a_b"
    assert found["model.tiny.odd"] == "prod/model/tiny/odd"  # not the records of the job
    built = story.site.events(story.run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
    tables = {
        each.materialization.asset_key.to_user_string(): each.materialization.metadata[
            "dagster/table_name"
        ].value
        for each in built
        if "dagster/table_name" in each.materialization.metadata
    }
    names = {found[each]: each.split(".")[2] for each in models}
    assert {key: table.rpartition(".")[2] for key, table in tables.items()} == names


def test_each_test_is_a_check_of_its_own_model(story: Story):
    found = keys(story.site)
    checked = story.site.checked(story.run.run_id)
    passed = {each.asset_key.to_user_string(): each.passed for each in checked}
    assert passed == {
        found["model.tiny.売上"]: True,
        found["model.tiny.顧客"]: True,
        found["model.tiny.商品"]: False,
    }
    shown = story.site.definitions().resolve_asset_graph().asset_check_keys
    assert {each.asset_check_key for each in checked} <= shown


def test_a_run_of_another_commit_reports_nothing_as_what_it_is_not(story: Story):
    """The seed of a commit that is not deployed was reported as the source that is shown."""
    assert story.other.success
    found = keys(story.site)
    assert found["source.tiny.raw.countries"] == "prod/raw/countries"
    assert "seed.tiny.countries" not in found
    built = story.site.materialized(story.other.run_id)
    assert "prod/seed/tiny/countries" in built
    assert "prod/raw/countries" not in built
    assert {*built} - {"prod/seed/tiny/countries"} == {*story.site.materialized(story.run.run_id)}


def test_people_are_told(story: Story):
    def said(*command: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=story.site.root,
            env=story.site.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    key = keys(story.site)["model.tiny.売上"]
    line = (
        f"'model.tiny.売上' is shown as {key}: Dagster's names have only A-Z, a-z, 0-9, `_`, `-` "
        "and `.`"
    )
    assert f"Note: prod: {line}\n" in said("deploy-project", "check")
    assert f"  Note: {line}\n" in said("deploy-project", "deploy")
    loading = said("dagster", "definitions", "validate", "-m", "deploy_project.definitions")
    assert f"prod: {line}\n" in loading
    assert "'model.tiny.a_b' is shown as prod/model/tiny/a_b: its own is that of" in loading

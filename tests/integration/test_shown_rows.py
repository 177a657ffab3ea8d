"""The first rows that tests have found, and their SQL, on the pages of checks."""

import dagster as dg
import pytest

from deploy_project.runs.model import run_facts
from deploy_project.runs.steps.failing import failures_so_far
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

FILES = {
    **PROJECT,
    "models/orders.sql": "select n as id, 's3cret-' || n as code from range(9) t(n)",
    "models/revenue.sql": "select 1 as revenue",
    "models/hidden.sql": "select 1 as id",
    "models/a.yml": """
        models:
          - name: orders
            columns:
              - name: id
                data_tests:
                  - accepted_values: {name: few, arguments: {values: [0, 1]}}
                  - accepted_values:
                      name: fewer
                      config: {severity: warn}
                      arguments: {values: [0]}
                  - not_null
          - name: hidden
            config: {tags: [sensitive]}
            columns:
              - name: id
                data_tests:
                  - accepted_values: {name: none_of_it, arguments: {values: [0]}}
    """,
    "tests/six.sql": "select * from {{ ref('orders') }} where id < 6",
}
DEPLOY = """
    projects:
      tiny: {repository: REMOTE, variables: {DBT_ENV_SECRET_CODE: {env: CODE}}}
    environments:
      prod: {type: production, branch: main, target: prod, show_rows: true}
      quiet: {branch: main, target: prod}
    channels:
      mail: {email: {host: 127.0.0.1, from: deploy@example.com, to: [ana@example.com]}}
    model_notifications: [{channel: mail}]
"""
JOBS = """
    jobs:
      shown: {environment: prod, execute_steps: [dbt build]}
      kept: {environment: quiet, execute_steps: [dbt build]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("rows"), FILES)
    made.configure(jobs=JOBS, deploy=DEPLOY)
    return made


@pytest.fixture(scope="module")
def shown(site: Site) -> Result:
    return site.execute("prod__shown", CODE="s3cret-3")


def latest(site: Site, environment: str, asset: str, name: str) -> dg.AssetCheckEvaluation:
    """Return the evaluation on the page of a check, whose history has no other one."""
    key = dg.AssetCheckKey(dg.AssetKey([environment, asset]), name)
    with site.instance() as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
    [record] = records
    assert record.event is not None
    found = record.event.asset_check_evaluation
    assert found is not None
    return found


def test_a_failed_test_shows_its_first_rows_once(site: Site, shown: Result):
    assert not shown.success  # `few` has found rows
    found = latest(site, "prod", "orders", "few")
    assert not found.passed
    rows = str(found.metadata["first_rows"].value).splitlines()
    assert rows[0] == "| `value_field` | `n_records` |"
    assert len(rows) == 2 + 5
    assert found.metadata["failures"].value == 7


def test_a_test_that_warns_shows_them_too(site: Site, shown: Result):
    found = latest(site, "prod", "orders", "fewer")
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "first_rows" in found.metadata


def test_secrets_in_rows_are_scrubbed(site: Site, shown: Result):
    rows = str(latest(site, "prod", "orders", "six").metadata["first_rows"].value)
    assert "s3cret-2" in rows
    assert "s3cret-3" not in rows


def test_the_facts_of_the_run_have_them_for_messages(site: Site, shown: Result):
    facts = run_facts.kept(site.artifacts, shown.run_id)
    assert facts is not None
    rows = {unique_id.split(".")[2]: each for unique_id, each in facts.rows.items()}
    assert {*rows} == {"few", "fewer", "six"}
    assert (rows["few"].columns, len(rows["few"].rows)) == (("value_field", "n_records"), 5)
    assert "s3cret-3" not in str(facts.rows)


def test_failures_are_noted_before_the_end(site: Site, shown: Result):
    found = failures_so_far(site.artifacts, shown.run_id)
    assert {each.unique_id.split(".")[2] for each in found} >= {"few", "six"}


def test_what_is_sensitive_is_not_shown(site: Site, shown: Result):
    found = latest(site, "prod", "hidden", "none_of_it")
    assert not found.passed
    assert "first_rows" not in found.metadata


def test_each_test_shows_its_sql(site: Site, shown: Result):
    for name, part in (("few", "n_records"), ("not_null_orders_id", "is null"), ("six", "id < 6")):
        sql = str(latest(site, "prod", "orders", name).metadata["compiled_sql"].value)
        assert sql.startswith("```sql\n")
        assert part in sql
        assert "{{" not in sql


def test_without_show_rows_no_row_is_asked_for(site: Site):
    done = site.execute("quiet__kept", CODE="s3cret-3")
    assert not done.success
    found = latest(site, "quiet", "orders", "few")
    assert "first_rows" not in found.metadata
    assert "compiled_sql" in found.metadata
    facts = run_facts.kept(site.artifacts, done.run_id)
    assert facts is not None
    assert facts.rows == {}

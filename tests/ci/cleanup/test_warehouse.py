"""Dropping schemas on DuckDB through the environment's own dbt."""

import pytest

from deploy_project.ci.cleanup.warehouse import opened
from tests.support.deployments.site import PROJECT, Site, make_site

pytestmark = pytest.mark.slow
BROKEN = {
    "models/orders.sql": "{{ this is no Jinja",
    "packages.yml": "packages: [{package: no/such}]",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A commit that dbt can't parse, with packages that nobody has: neither is needed."""
    made = make_site(tmp_path_factory.mktemp("site"), {**PROJECT, **BROKEN})
    made.configure(jobs="jobs: {}")
    return made


def schemas(site: Site) -> set[str]:
    sql = "select schema_name from information_schema.schemata where catalog_name = 'warehouse'"
    return {name for (name,) in site.query(sql)}


def test_schemas_are_dropped_with_all_that_is_in_them_and_nothing_else(site: Site):
    site.change(
        """
        create schema dbt_cloud_pr_1_1; create table dbt_cloud_pr_1_1.a as select 1;
        create view dbt_cloud_pr_1_1.b as select * from dbt_cloud_pr_1_1.a;
        create schema "dbt_cloud_pr_1_1_{{ 1/0 }}"; create schema dbt_cloud_pr_1_12;
        """
    )
    said: list[str] = []
    wanted = [
        ("warehouse", "dbt_cloud_pr_1_1"),
        ("", "dbt_cloud_pr_1_1_{{ 1/0 }}"),
        ("warehouse", "dbt_cloud_pr_1_9"),  # which does not exist
    ]
    with opened(site.deployment, site.deployment.environments["prod"], None, site.state) as found:
        outcome = found.drop(wanted, ["warehouse", ""], said.append)
    assert outcome.dropped == {*wanted}
    assert outcome.problems == ()
    assert {("warehouse", "dbt_cloud_pr_1_12"), ("", "main")} <= {*outcome.found}
    assert "dbt_cloud_pr_1_12" in schemas(site)
    assert not any(name.startswith("dbt_cloud_pr_1_1_") for name in schemas(site))
    assert "dbt_cloud_pr_1_1" not in schemas(site)
    assert list(site.state.all_work.iterdir()) == []

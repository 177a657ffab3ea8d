"""Dropping the schemas of pull requests on Postgres, by the role that has built them."""

from collections.abc import Mapping

import pytest

from deploy_project.ci.warehouse import opened
from tests.postgres.shop import Shop

pytestmark = pytest.mark.slow


def owners(shop: Shop) -> Mapping[object, object]:
    sql = "select nspname, rolname from pg_namespace join pg_roles on nspowner = pg_roles.oid"
    return {name: owner for name, owner in shop.ask(sql) if str(name).startswith("dbt_cloud_pr_1_")}


@pytest.fixture(scope="module")
def swept(shop: Shop):
    shop.server.execute(
        """
        grant create on database shop to staging;
        create schema dbt_cloud_pr_1_1 authorization staging;
        create table dbt_cloud_pr_1_1.a as select 1 as one;
        create view dbt_cloud_pr_1_1.b as select one from dbt_cloud_pr_1_1.a;
        create schema "dbt_cloud_pr_1_1_Marts" authorization staging;
        create schema dbt_cloud_pr_1_1_prod authorization production;
        create schema dbt_cloud_pr_1_12 authorization staging;
        """,
        "shop",
    )
    names = ["dbt_cloud_pr_1_1", "dbt_cloud_pr_1_1_prod", "dbt_cloud_pr_1_1_Marts"]
    wanted = [("shop", name) for name in names]
    deployment, state = shop.site.deployment, shop.site.state
    with opened(deployment, deployment.environments["staging"], None, state) as warehouse:
        return warehouse.drop(wanted, ["shop"], lambda _: None)


def test_a_schema_is_gone_with_all_that_is_in_it_and_others_stay(shop: Shop, swept):
    assert swept.dropped == {("shop", "dbt_cloud_pr_1_1"), ("shop", "dbt_cloud_pr_1_1_Marts")}
    assert owners(shop) == {"dbt_cloud_pr_1_1_prod": "production", "dbt_cloud_pr_1_12": "staging"}


def test_what_is_left_is_listed(swept):
    assert {("shop", "dbt_cloud_pr_1_12"), ("shop", "prod")} <= {*swept.found}


def test_a_schema_that_the_role_may_not_drop_is_told_and_holds_nobody_up(swept):
    (problem,) = swept.problems
    assert problem.startswith("schema shop.dbt_cloud_pr_1_1_prod can't be dropped (exit 1): ")
    assert "must be owner of schema dbt_cloud_pr_1_1_prod" in problem

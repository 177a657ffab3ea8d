"""Dropping the schemas of pull requests on Postgres, by the role that has built them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from deploy_project.ci.cleanup.warehouse import DropOutcome, opened
from tests.postgres.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shop on Postgres")]


def owners(shop: Shop) -> Mapping[object, object]:
    sql = "select nspname, rolname from pg_namespace join pg_roles on nspowner = pg_roles.oid"
    return {name: owner for name, owner in shop.ask(sql) if str(name).startswith("dbt_cloud_pr_1_")}


@pytest.fixture(scope="module")
def swept(shop: Shop) -> DropOutcome:
    shop.server.execute(
        """
        grant create on database shop to staging;
        create schema dbt_cloud_pr_1_1 authorization staging;
        create table dbt_cloud_pr_1_1.a as select 1 as one;
        create view dbt_cloud_pr_1_1.b as select one from dbt_cloud_pr_1_1.a;
        create schema "dbt_cloud_pr_1_1_Marts" authorization staging;
        create schema dbt_cloud_pr_1_1_prod authorization production;
        create schema dbt_cloud_pr_1_1_prod_too authorization production;
        create schema dbt_cloud_pr_1_12 authorization staging;
        """,
        "shop",
    )
    return drop(shop, *(f"dbt_cloud_pr_1_1{name}" for name in ("_prod", "_prod_too", "", "_Marts")))


def drop(shop: Shop, *names: str, dbt: str | None = None) -> DropOutcome:
    """Drop schemas as staging does it, with its own dbt or another one."""
    deployment, state = shop.site.deployment, shop.site.state
    environment = deployment.environments["staging"]
    environment = replace(environment, dbt_version=dbt or environment.dbt_version)
    with opened(deployment, environment, None, state) as warehouse:
        return warehouse.drop([("shop", name) for name in names], ["shop"], lambda _: None)


def test_a_schema_is_gone_with_all_that_is_in_it_and_others_stay(shop: Shop, swept: DropOutcome):
    assert swept.dropped == {("shop", "dbt_cloud_pr_1_1"), ("shop", "dbt_cloud_pr_1_1_Marts")}
    assert owners(shop) == {
        "dbt_cloud_pr_1_1_prod": "production",
        "dbt_cloud_pr_1_1_prod_too": "production",
        "dbt_cloud_pr_1_12": "staging",
    }


def test_what_is_left_is_listed(swept: DropOutcome):
    assert {("shop", "dbt_cloud_pr_1_12"), ("shop", "prod")} <= {*swept.found}


def test_schemas_that_the_role_may_not_drop_are_told_and_hold_nobody_up(swept: DropOutcome):
    assert len(swept.problems) == 2
    for name, problem in zip(("prod", "prod_too"), swept.problems, strict=True):
        assert problem.startswith(f"schema shop.dbt_cloud_pr_1_1_{name} can't be dropped (exit 1)")
        assert f"must be owner of schema dbt_cloud_pr_1_1_{name}" in problem


@pytest.mark.parametrize("dbt", [None, "1.10.*"])
def test_a_schema_that_others_read_from_stays_and_so_does_what_they_read_through(
    shop: Shop, dbt: str | None
):
    """The macro `drop_schema` cascades, which would take the views of others with it."""
    shop.server.execute(
        """
        create schema dbt_cloud_pr_1_2 authorization staging;
        create schema "dbt_cloud_pr_1_2_Marts" authorization staging;
        create schema dbt_cloud_pr_1_2_unread authorization staging;
        create table dbt_cloud_pr_1_2.a as select 1 as one;
        create view "dbt_cloud_pr_1_2_Marts".b as select one from dbt_cloud_pr_1_2.a;
        create view dbt_cloud_pr_1_2_unread.c as select one from dbt_cloud_pr_1_2.a;
        create schema analyst; create view analyst.d as select * from "dbt_cloud_pr_1_2_Marts".b;
        """,
        "shop",
    )
    names = [f"dbt_cloud_pr_1_2{name}" for name in ("", "_Marts", "_unread")]
    kept = drop(shop, *names, dbt=dbt)
    assert kept.dropped == {("shop", "dbt_cloud_pr_1_2_unread")}
    assert [" ".join(each.split()[:9]) for each in kept.problems] == [
        "schema shop.dbt_cloud_pr_1_2 is still there: 'dbt_cloud_pr_1_2_Marts.b' reads from it,",
        "schema shop.dbt_cloud_pr_1_2_Marts is still there: 'analyst.d' reads from it,",
    ]
    assert shop.ask("select one from analyst.d") == [(1,)]
    shop.ask("drop schema analyst cascade")
    gone = drop(shop, *names, dbt=dbt)
    assert gone.dropped == {("shop", name) for name in names}
    assert gone.problems == ()
    assert not any(schema.startswith("dbt_cloud_pr_1_2") for _, schema in gone.found)

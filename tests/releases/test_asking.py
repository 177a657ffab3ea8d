"""Rows of statements, through the environment's own dbt on DuckDB."""

from pathlib import Path

import pytest

from deploy_project.dbt.relations.selects import Selected
from deploy_project.releases.prepare import outside_of_a_run
from deploy_project.releases.questions.asking import selected
from tests.support.deployments.site import PROJECT, Site, make_site

pytestmark = pytest.mark.slow
HOSTILE = "x''\"`{{ 1/0 }}{% raw %} \\ 😀"
STATEMENTS = {
    "values": f"""
        with rows as (
            select 1 as id, date '2026-01-02' as day, timestamp '2026-01-02 03:04:05' as at,
                1.50::decimal(9, 2) as amount, true as flag, '{HOSTILE}' as text, 'null' as word
            union all select 2, null, null, null, null, '', null
        )
        select * from rows order by id -- {{{{ 1/0 }}}}
    """,
    "broken": "select no_such_column from nowhere",
    "worse": "this is no SQL",
    "many": "select range as n, repeat('é', 3000) as long from range(30)",
    "none": "select 1 as one where false",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Selected]:
    """A commit that dbt can't parse, with packages that nobody has: neither is needed."""
    broken = {**PROJECT, "models/orders.sql": "{{ no Jinja", "packages.yml": "packages: [{a: b}]"}
    site: Site = make_site(tmp_path_factory.mktemp("site"), broken)
    site.configure(jobs="jobs: {}")
    site.change("create table kept as select 1 as one")
    environment, commit = site.deployment.environments["prod"], site.git("rev-parse", "HEAD")
    with outside_of_a_run(
        site.deployment, environment, None, commit, site.state, reason="Test"
    ) as (workspace, scratch):
        place: Path = scratch / "rows"
        return selected(workspace, STATEMENTS, most=20, directory=place)


def test_values_are_text_and_null_is_told_apart(found: dict[str, Selected]):
    text = HOSTILE.replace("''", "'")
    assert found["values"].columns == ["id", "day", "at", "amount", "flag", "text", "word"]
    assert found["values"].rows == [
        ["1", "2026-01-02", "2026-01-02 03:04:05", "1.50", "true", text, "null"],
        ["2", None, None, None, None, "", None],
    ]


def test_what_fails_is_told_and_holds_nobody_up(found: dict[str, Selected]):
    assert list(found) == list(STATEMENTS)
    assert "nowhere" in found["broken"].error
    assert "syntax error" in found["worse"].error
    assert not found["many"].error
    assert found["none"] == Selected(["one"], [])


def test_there_are_no_more_rows_than_asked_for_and_long_values_are_cut(
    found: dict[str, Selected],
):
    rows = found["many"].rows
    assert [row[0] for row in rows] == [str(number) for number in range(20)]
    assert {row[1] for row in rows} == {"é" * 999 + "…"}

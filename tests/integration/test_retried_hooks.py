"""What a retry does of hooks, operations, and a job's own `dbt deps` and `dbt clean`."""

import json
import textwrap
from pathlib import Path

import pytest

from tests.support.deployments.site import DEPLOY, PROJECT, Site, make_site
from tests.support.history.retries import whole_plan

pytestmark = pytest.mark.slow

SETTINGS = textwrap.dedent(PROJECT["dbt_project.yml"])

# Each node and hook says what it has done; one whose guard is not there yet fails.
LOG = "insert into done values ('NAME')"
GUARDED = "insert into done select 'NAME' from GUARD"
MODEL = '{{ config(post_hook="' + LOG + '") }} select 1 as id'


def project(**keys: list[str]) -> dict[str, str]:
    """The project with two models, and with lists such as `on_run_end` in dbt_project.yml."""
    settings = "".join(
        f"{name.replace('_', '-')}: {json.dumps(each)}\n" for name, each in keys.items()
    )
    return {
        **PROJECT,
        "dbt_project.yml": SETTINGS + settings,
        "models/orders.sql": MODEL.replace("NAME", "orders"),
        "models/revenue.sql": MODEL.replace("NAME", "revenue"),
    }


def prepared(directory: Path, files: dict[str, str], *commands: str) -> Site:
    made = make_site(directory, files)
    jobs = {"jobs": {"daily": {"environment": "prod", "execute_steps": [*commands]}}}
    made.configure(jobs=json.dumps(jobs), deploy=DEPLOY)
    made.change("create table done (name text)")
    return made


def failed(site: Site) -> str:
    """Run the job, which fails; return its id, with nothing in the log of what was done."""
    run = site.run("prod__daily")
    assert not run.success
    site.change("delete from done")
    return run.run_id


def done(site: Site) -> list[str]:
    return [name for (name,) in site.query("select name from done order by all")]


ENDS = [LOG.replace("NAME", "end"), GUARDED.replace("NAME", "audit").replace("GUARD", "late")]


def test_a_command_of_which_only_a_hook_has_failed_runs_whole(tmp_path: Path):
    """`dbt retry` found nothing to do, and the run was a success without the hook."""
    site = prepared(tmp_path, project(on_run_end=[*ENDS, LOG.replace("NAME", "last")]), "dbt build")
    parent = failed(site)
    again = site.run("prod__daily", retry_of=parent)  # the cause is still there
    assert not again.success
    said = "did not succeed, and `dbt retry` runs hooks only where a node is left to do"
    assert (
        f"`dbt build` runs whole: in run {parent} tiny.on-run-end.1, tiny.on-run-end.2 {said}"
    ) in site.console(again.run_id, "04-dbt-build")

    site.change("create table late as select 1 as id; delete from done")
    mended = site.run("prod__daily", retry_of=again.run_id)
    assert mended.success
    assert done(site) == ["audit", "end", "last", "orders", "revenue"]


def test_a_narrowed_retry_of_a_hook_is_no_success(tmp_path: Path):
    site = prepared(tmp_path, project(on_run_end=ENDS), "dbt build")
    parent = failed(site)
    narrowed = site.run("prod__daily", whole_plan(parent, retry_select="orders"))
    assert not narrowed.success
    assert site.record(narrowed.run_id)["message"].startswith(
        f"There is nothing to narrow with `--select`: in run {parent} tiny.on-run-end.1 did not"
    )
    assert done(site) == []


def test_a_hook_and_a_model_that_have_failed_are_both_retried_and_no_more(tmp_path: Path):
    files = {**project(on_run_end=ENDS), "models/revenue.sql": "select * from late"}
    site = prepared(tmp_path, files, "dbt build")
    parent = failed(site)
    site.change("create table late as select 1 as id")
    mended = site.run("prod__daily", retry_of=parent)
    assert mended.success
    assert "1 node left to do" in site.console(mended.run_id, "04-dbt-build")
    assert done(site) == ["audit", "end"]
    assert site.query("select id from revenue") == [(1,)]


@pytest.mark.parametrize("flags", ["{}", "{skip_nodes_if_on_run_start_fails: true}"])
def test_what_a_failed_first_hook_stands_before_is_done_with_it(tmp_path: Path, flags: str):
    files = project(on_run_start=[GUARDED.replace("NAME", "begin").replace("GUARD", "late")])
    flagged = files["dbt_project.yml"].replace("{send_anonymous_usage_stats: false}", flags)
    site = prepared(tmp_path, {**files, "dbt_project.yml": flagged}, "dbt run")
    parent = failed(site)
    site.change("create table late as select 1 as id")
    assert site.run("prod__daily", retry_of=parent).success
    assert done(site) == ["begin", "orders", "revenue"]


def test_a_hook_of_a_package_counts_as_the_projects_own(tmp_path: Path):
    files = {
        **project(),
        "packages.yml": "packages: [{local: audit}]\n",
        "audit/dbt_project.yml": f"name: audit\nversion: '1.0'\non-run-end: {json.dumps(ENDS)}\n",
    }
    site = prepared(tmp_path, files, "dbt run")
    parent = failed(site)
    site.change("create table late as select 1 as id")
    mended = site.run("prod__daily", retry_of=parent)
    assert mended.success
    assert f"in run {parent} audit.on-run-end.1 did not" in site.console(
        mended.run_id, "04-dbt-run"
    )
    assert done(site) == ["audit", "end", "orders", "revenue"]


def test_a_hook_that_dbt_cannot_render_leaves_no_result_and_is_retried(tmp_path: Path):
    """There are only the results of the nodes, all of them successes."""
    unready = "{{ exceptions.raise_compiler_error('not yet') if execute else '' }}"
    site = prepared(tmp_path, project(on_run_end=[unready]), "dbt run")
    parent = failed(site)
    site.push(project(on_run_end=[LOG.replace("NAME", "audit")]))
    assert site.run("prod__daily", retry_of=parent).success
    assert done(site) == ["audit", "orders", "revenue"]


def test_an_operation_that_has_failed_runs_again(tmp_path: Path):
    load = "{% macro load() %}{% do run_query(\"insert into done select 'load' from late\") %}"
    files = {**project(), "macros/load.sql": load + "{% do adapter.commit() %}{% endmacro %}"}
    site = prepared(tmp_path, files, "dbt run", "dbt run-operation load")
    parent = failed(site)
    site.change("create table late as select 1 as id")
    mended = site.run("prod__daily", retry_of=parent)
    assert mended.success, site.console(mended.run_id, "05-dbt-run-operation")
    assert done(site) == ["load"]


PACKAGED = {
    **project(),
    "packages.yml": "packages: [{local: extra}]\n",
    "extra/dbt_project.yml": "name: extra\nversion: '1.0'\n",
    "extra/macros/late.sql": "{% macro late() %}(select 1 as id){% endmacro %}",
}
CLEAN = "dbt clean --no-clean-project-files-only"
ADD = "dbt deps --source local --add-package extra"
REPEATED = "has done this in its own copy of the files: it is done again"


def test_a_jobs_own_clean_and_deps_are_repeated_before_the_failed_command(tmp_path: Path):
    """A retry left them out as done, although it has a copy of the files of its own."""
    steps = ("dbt run --select orders", CLEAN, "dbt deps --upgrade", "dbt run -s revenue")
    site = prepared(tmp_path, {**PACKAGED, "models/revenue.sql": "select * from late"}, *steps)
    parent = failed(site)
    site.push({"models/revenue.sql": "select * from {{ extra.late() }} as t"})

    by_command_line = site.run("prod__daily", whole_plan(parent))
    in_the_ui = site.run("prod__daily", retry_of=parent)
    for mended in (by_command_line, in_the_ui):
        assert mended.success
        assert [status for _, status in site.statuses(mended.run_id)][3:] == [
            *("Skipped", "Success", "Success", "Success")
        ]
        for step in ("05-dbt-clean", "06-dbt-deps-2"):
            console = site.console(mended.run_id, step)
            assert f"Run {parent} {REPEATED}" in console
            assert console.count("=== Step") == 1
        assert "Installing" in site.console(mended.run_id, "06-dbt-deps-2")
    assert site.query("select id from revenue") == [(1,)]
    assert done(site) == []


def test_a_deps_that_fails_when_it_is_repeated_ends_the_retry(tmp_path: Path):
    extra = {each: text for each, text in PACKAGED.items() if each.startswith("extra/")}
    broken = {"models/revenue.sql": "select * from late"}
    site = prepared(tmp_path, {**project(), **extra, **broken}, ADD, "dbt run")
    parent = failed(site)
    mended = {"models/revenue.sql": MODEL.replace("NAME", "revenue")}
    site.push({**mended, **dict.fromkeys(extra)})
    again = site.run("prod__daily", retry_of=parent)
    assert not again.success
    steps = site.steps(again.run_id)
    assert (steps["04-dbt-deps-2"]["status"], "05-dbt-run" in steps) == ("Error", False)
    assert site.record(again.run_id)["message"] == steps["04-dbt-deps-2"]["message"]
    assert done(site) == []


def test_a_jobs_own_deps_that_has_failed_runs_again_and_the_rest_follows(tmp_path: Path):
    extra = {each: text for each, text in PACKAGED.items() if each.startswith("extra/")}
    steps = ("dbt run -s orders", ADD, "dbt run -s revenue")
    site = prepared(tmp_path, project(), *steps)
    parent = failed(site)
    assert site.steps(parent)["05-dbt-deps-2"]["status"] == "Error"
    site.push(extra)
    mended = site.run("prod__daily", retry_of=parent)
    assert mended.success
    assert REPEATED not in site.console(mended.run_id, "05-dbt-deps-2")
    assert done(site) == ["revenue"]

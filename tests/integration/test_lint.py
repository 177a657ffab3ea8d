"""SQLFluff over the SQL files of a pull request, with the repository's own configuration."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploy_project.ci.lint.report import Lint, read
from deploy_project.dbt.processes import sandbox
from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

DEPLOY = """
    projects:
      tiny:
        repository: REMOTE
        hosting: {kind: github, url: HUB/acme/shop, api_url: HUB/api/v3, token: {env: HUB_TOKEN}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        run_lint: true
        errors_on_lint_failure: false
        execute_steps: [dbt parse]
      checks: {id: 23, environment: prod, job_type: ci, run_lint: true}
"""
STEP = "04-lint-sql"
RULES = """
    [sqlfluff]
    templater = {templater}
    dialect = duckdb
    rules = CP01, JJ01
"""
BASE = {
    **PROJECT,
    "models/generated.sql": "select 1 as id",
    "models/old.sql": "SELECT 1 as bad_since_ever",
    "macros/money.sql": "{% macro cents(x) %}{{ x }} / 100{% endmacro %}",
    "macros/old.sql": "{%macro old()%}1{%endmacro%}",
}
CHANGES = {
    ".sqlfluff": RULES.format(templater="jinja"),
    ".sqlfluffignore": "models/generated.sql\n",
    "models/orders.sql": "SELECT 1 as id, 10 as amount",
    "models/unparsable.sql": "select from from where",
    "models/generated.sql": "SELECT 2 as id",
    "analyses/-rf.sql": "SELECT 1 as x",
    "macros/-f $(touch x)\nb.sql": "{%macro odd()%}1{%endmacro%}",
}
WITH_MACROS = """\
    select
        {{ cents('amount') }} as euros,
        {{ unknown_to_jinja() }} as one
    FROM {{ ref('orders') }}
"""


@dataclass(frozen=True)
class Story:
    """Production, linted whole and without a configuration; then two pull requests."""

    site: Site
    hub: HostingSite
    everything: Result
    stopped: Result
    by_dbt: Result

    def found(self, run: Result) -> Lint:
        return read(self.site.directory(run.run_id, STEP) / "lint.json")

    def codes(self, run: Result) -> set[tuple[str, str]]:
        return {(each.file, each.code) for each in self.found(run).violations}


def pull(site: Site, number: int, commit: str) -> Result:
    tags = {"deploy/pull_request": str(number), "deploy/commit": commit, "deploy/trigger": "ci"}
    return site.run("prod__checks", tags)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    site = make_site(tmp_path_factory.mktemp("lint"), BASE)
    with serve("github") as hub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_TOKEN", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        site.configure(jobs=JOBS, deploy=DEPLOY.replace("HUB/", f"{hub.url}/"))
        everything = site.run("prod__nightly")
        stopped = pull(site, 1, site.push(CHANGES, ref="pr/1"))
        site.git("reset", "--quiet", "--hard", "origin/main")
        with_dbt = {
            ".sqlfluff": RULES.format(templater="dbt"),
            "models/revenue.sql": WITH_MACROS,
            "macros/more.sql": "{% macro unknown_to_jinja() %}1{% endmacro %}",
        }
        yield Story(site, hub, everything, stopped, pull(site, 2, site.push(with_dbt, ref="pr/2")))


def test_without_a_state_all_files_of_the_project_are_linted(story: Story):
    found = story.found(story.everything)
    assert sorted(found.linted) == sorted(name for name in BASE if name.endswith(".sql"))


def test_without_a_configuration_the_dialect_is_the_adapters_and_the_rules_are_all(story: Story):
    found = story.found(story.everything)
    assert ("models/old.sql", "CP01") in story.codes(story.everything)
    assert ("models/orders.sql", "LT12") in story.codes(story.everything)
    assert not {each.code for each in found.violations} & {"PRS", "TMP", "LXR"}


def test_a_job_may_go_on_with_a_warning(story: Story):
    assert story.everything.success
    steps = story.site.steps(story.everything.run_id)
    assert (steps[STEP]["status"], steps["05-dbt-parse"]["status"]) == ("Error", "Success")
    assert steps[STEP]["facts"]["files linted"] == 6


def test_else_a_violation_ends_the_run_before_anything_is_built(story: Story):
    assert not story.stopped.success
    statuses = story.site.statuses(story.stopped.run_id)
    assert statuses[-2:] == [
        ("Lint SQL", "Error"),
        ("Invoke dbt with `dbt build --select state:modified+`", "Skipped"),
    ]
    said = "SQLFluff found 6 violations in 4 files, 1 file ignored"
    assert story.site.record(story.stopped.run_id)["message"].endswith(said)


def test_only_changed_files_are_linted_whatever_their_names(story: Story):
    assert story.codes(story.stopped) == {
        ("models/orders.sql", "CP01"),
        ("models/unparsable.sql", "PRS"),
        ("analyses/-rf.sql", "CP01"),
        ("macros/-f $(touch x)\nb.sql", "JJ01"),
    }
    console = story.site.console(story.stopped.run_id, STEP)
    assert "\nmodels/orders.sql:1:10 CP01 capitalisation.keywords: Keywords" in console
    assert "\nmacros/-f $(touch x)\\nb.sql:1:1 JJ01 jinja.padding: Jinja" in console


def test_the_repositorys_ignore_file_holds(story: Story):
    assert story.found(story.stopped).ignored == ["models/generated.sql"]


def test_the_templater_dbt_knows_the_projects_macros_and_its_connection(story: Story):
    assert story.codes(story.by_dbt) == {("models/revenue.sql", "CP01")}
    found = story.found(story.by_dbt)
    assert found.skipped == ["macros/more.sql"]
    assert found.notes == ["Skipped file macros/more.sql because it is a macro"]


def test_production_s_database_is_left_alone(story: Story):
    assert not (story.site.state.root / "warehouse.duckdb").exists()


def test_the_pull_request_is_told(story: Story):
    (comment,) = [each.body for each in story.hub.notes if each.pull == 1]
    assert "**SQL lint**: SQLFluff found 6 violations in 4 files, 1 file ignored" in comment
    row = "| `models/orders.sql:1` | `CP01` | `Keywords must be consistently upper case.` |"
    assert row in comment
    assert story.hub.statuses[-1]["state"] == "failure"


@pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it")
def test_python_of_the_repository_is_held_to_the_sandbox(story: Story):
    """SQLFluff runs the modules of `library_path` before it looks at any SQL."""
    site, victim = story.site, story.site.root / "victim"
    site.git("reset", "--quiet", "--hard", "origin/main")
    rules = RULES.format(templater="jinja")
    files = {
        ".sqlfluff": f"{rules}\n    [sqlfluff:templater:jinja]\n    library_path = theft\n",
        "theft/deeds.py": f"open({str(victim)!r}, 'w').write('evil')\n",
        "models/orders.sql": "select 1 as id, 11 as amount",
    }
    run = pull(site, 3, site.push(files, ref="pr/3"))
    assert not run.success
    assert f"Permission denied: '{victim}'" in site.console(run.run_id, STEP)
    assert not victim.exists()

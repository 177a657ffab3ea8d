"""dbt's flags, wherever a user sets them: they neither break a run nor are lost."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_project.releases.pointer import Pointer
from deploy_project.releases.prepare import deploy, prepare
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

SETTINGS = textwrap.dedent(PROJECT["dbt_project.yml"]).replace("flags:", "# flags:")
LOUD = """
    fail_fast: true
    warn_error: true
    log_format: json
    quiet: true
    write_json: false
    partial_parse: false
    printer_width: 30
    use_colors: true
    log_level_file: error
    send_anonymous_usage_stats: false
"""
VARIABLES = {
    "DBT_LOG_LEVEL": "none",
    "DBT_PRINT": "false",
    "DBT_DEBUG": "false",
    "DBT_ENGINE_WRITE_JSON": "false",
    "DBT_ENGINE_TARGET_PATH": "/nowhere",
    "DBT_ENGINE_LOG_PATH": "/nowhere",
}
DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod, variables: VARIABLES}
"""
SET_OVER = "Set over by the run, which keeps dbt's artifacts and its whole debug log: "


def configured(site: Site, jobs: dict[str, Any], variables: dict[str, str] | None = None) -> None:
    text = DEPLOY.replace("VARIABLES", json.dumps(variables or {}))
    site.configure(jobs=json.dumps({"jobs": jobs}), deploy=text)


def job(*commands: str, **more: Any) -> dict[str, Any]:
    return {"environment": "prod", "execute_steps": [*commands], **more}


def deployed(site: Site) -> Pointer:
    """Deploy the head of `main` as the merge sensor does it."""
    deployment = site.deployment
    environment = deployment.environments["prod"]
    commit = site.git("rev-parse", "origin/main")
    ready = prepare(deployment, environment, commit, site.state, on_line=print)
    deploy(deployment, environment, ready, site.state)
    return ready


def results(site: Site, run: Result, step: str = "04-dbt-build") -> dict[str, str]:
    file = site.directory(run.run_id, step) / "target" / "run_results.json"
    found = json.loads(file.read_bytes())["results"]
    return {each["unique_id"].split(".")[2]: each["status"] for each in found}


@dataclass(frozen=True)
class Loud:
    """A job that fails and is retried, in a project and an environment with every such flag."""

    site: Site
    failed: Result
    mended: Result


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Loud:
    flags = "flags:\n" + textwrap.indent(textwrap.dedent(LOUD).strip(), "  ")
    site = make_site(
        tmp_path_factory.mktemp("loud"),
        {
            **PROJECT,
            "dbt_project.yml": f"{SETTINGS}\n{flags}\n",
            "models/late.sql": "select * from {{ ref('revenue') }}, nowhere",
            "models/later.sql": "select * from {{ ref('late') }}",
        },
    )
    checks = job("dbt build", job_type="ci", run_compare_changes=True, id=9)
    configured(site, {"daily": job("dbt build", generate_docs=True), "checks": checks}, VARIABLES)
    deployed(site)
    failed = site.run("prod__daily")
    site.push({"models/late.sql": "select revenue from {{ ref('revenue') }}"})
    return Loud(site, failed, site.run("prod__daily", retry_of=failed.run_id))


def test_a_project_without_artifacts_can_be_deployed(loud: Loud):
    """With `write_json: false` dbt wrote no manifest, and nothing could be deployed."""
    assert deployed(loud.site).commit == loud.site.git("rev-parse", "origin/main")


def test_a_silent_command_says_all_the_same_why_it_has_failed(loud: Loud):
    step = loud.site.steps(loud.failed.run_id)["04-dbt-build"]
    assert step["message"].startswith("`dbt build` failed: 1 error")
    assert "Table with name nowhere does not exist" in step["message"]
    assert results(loud.site, loud.failed) == {
        "orders": "success",
        "revenue": "success",
        "late": "error",
        "later": "skipped",
    }


def test_what_is_set_over_the_users_flags_is_said_once(loud: Loud):
    console = loud.site.console(loud.failed.run_id, "04-dbt-build")
    assert (
        f"{SET_OVER}`write_json: false`, `log_level_file: error`, `DBT_ENGINE_TARGET_PATH`, "
        "`DBT_ENGINE_LOG_PATH`, `DBT_ENGINE_WRITE_JSON`\n"
    ) in console
    assert console.count(SET_OVER) == 1
    assert "[DBT" not in console
    assert "Nothing" not in console


def test_a_retry_with_every_flag_does_only_what_has_failed(loud: Loud):
    assert loud.mended.success
    assert results(loud.site, loud.mended) == {"late": "success", "later": "success"}
    file = loud.site.directory(loud.mended.run_id, "04-dbt-build") / "target" / "run_results.json"
    arguments = json.loads(file.read_bytes())["args"]
    assert (arguments["fail_fast"], arguments["partial_parse"]) == (True, False)
    assert {"prod/late", "prod/later"} <= {*loud.site.materialized(loud.mended.run_id)}


def test_what_a_run_leaves_is_as_without_the_flags(loud: Loud):
    site, run = loud.site, loud.mended.run_id
    published = site.artifacts.published(site.artifacts.environment("prod"), "state")
    assert published is not None
    assert published.name == run
    assert (published / "manifest.json").is_file()
    docs = site.directory(run, "05-generate-docs") / "target"
    assert {"catalog.json", "manifest.json"} <= {each.name for each in docs.iterdir()}
    log = (site.directory(run, "04-dbt-build") / "dbt.log").read_text()
    assert "Running with dbt=" in log
    assert log.count("Command `cli retry` succeeded") == 1


def test_a_pull_request_is_compared_with_every_flag(loud: Loud):
    """Nothing was to be printed, and what our macros print is how the data is compared."""
    site = loud.site
    site.git("checkout", "--quiet", "-B", "pr-7", "origin/main")
    changed = {"models/orders.sql": "select 1 as id, 20 as amount"}
    commit = site.push(changed, ref="pr/7")
    run = site.run("prod__checks", {"deploy/pull_request": "7", "deploy/commit": commit})
    assert run.success
    step = site.steps(run.run_id)["05-compare-changes"]
    assert step["status"] == "Success", step["message"]
    assert "orders" in step["overview"]


WARNING = "models: {tiny: {nowhere: {+enabled: false}}}\n"
STEPS = {
    "json": "dbt --log-format json build --select broken",
    "silent": "dbt --log-level none build --select broken",
    "quiet": "dbt build -q --select broken",
    "unparsed": "dbt --log-level none run-operation nothing",
    "first": "dbt build --fail-fast --threads 1 --exclude orders revenue",
    "warned": "dbt --warn-error run --select orders",
    "options": "dbt run --select orders --warn-error-options '{error: [UnusedResourceConfigPath]}'",
    "unselected": "dbt build --warn-error-options '{error: [NoNodesForSelectionCriteria]}' -s none",
    "colored": "dbt --use-colors build --select broken --no-write-json --log-level-file debug",
}


@dataclass(frozen=True)
class Bare:
    """How bare dbt ends on the same command."""

    code: int
    results: dict[str, str]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A project that warns when it is parsed, in which a model fails, with a parse that is kept."""
    files = {
        **PROJECT,
        "dbt_project.yml": SETTINGS + WARNING,
        "models/broken.sql": "select * from nowhere",
        "models/after.sql": "select 1 as id -- depends_on: {{ ref('broken') }}",
    }
    site = make_site(tmp_path_factory.mktemp("flags"), files)
    configured(site, {name: job(command) for name, command in STEPS.items()})
    site.state.root.mkdir(exist_ok=True)
    deployed(site)
    return site


def bare(site: Site, command: str, directory: Path) -> Bare:
    """Run the command with bare dbt in a fresh clone."""
    site.git("clone", "--quiet", str(site.remote), str(directory / "clone"), cwd=directory)
    done = subprocess.run(
        [f"{Path(sys.executable).parent}/dbt {command.removeprefix('dbt ')}"],
        shell=True,
        cwd=directory / "clone",
        env={**os.environ, "DEPLOY_STATE": str(directory)},
        capture_output=True,
    )
    file = directory / "clone" / "target" / "run_results.json"
    found = json.loads(file.read_bytes())["results"] if file.is_file() else []
    return Bare(done.returncode, {each["unique_id"]: each["status"] for each in found})


@pytest.mark.parametrize("name", ["first", "warned", "options", "unselected"])
def test_a_command_ends_as_with_bare_dbt(broken: Site, tmp_path: Path, name: str):
    """A parse that was kept from before warned of nothing, and `--warn-error` let it pass."""
    expected = bare(broken, STEPS[name], tmp_path)
    assert expected.code != 0
    run = broken.run(f"prod__{name}")
    (step,) = [each for key, each in broken.steps(run.run_id).items() if key.startswith("04")]
    assert step["exit_code"] == expected.code
    file = broken.directory(run.run_id, f"04-{step['key']}".replace("_", "-")) / "target"
    file = file / "run_results.json"
    found = json.loads(file.read_bytes())["results"] if file.is_file() else []
    assert {each["unique_id"]: each["status"] for each in found} == expected.results


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("json", "`dbt --log-format json build --select broken` failed: 1 error"),
        ("silent", "`dbt --log-level none build --select broken` failed: 1 error"),
        ("quiet", "`dbt build -q --select broken` failed: 1 error"),
        ("unparsed", "`dbt --log-level none run-operation nothing` failed (exit 2): "),
    ],
)
def test_the_reason_can_be_read_whatever_the_console_shows(broken: Site, name: str, message: str):
    """The message of the record was the end of the console: JSON, or nothing at all."""
    run = broken.run(f"prod__{name}")
    said = broken.record(run.run_id)["message"]
    assert said.startswith(message)
    reason = "macro" if name == "unparsed" else "Table with name nowhere does not exist"
    assert reason in said
    assert "{" not in said


def test_a_retry_shows_what_the_command_shows(broken: Site):
    run = broken.run("prod__json")
    again = broken.run("prod__json", retry_of=run.run_id)
    assert broken.steps(again.run_id)["04-dbt-build"]["name"] == "Invoke dbt with `dbt retry`"
    said = broken.console(again.run_id, "04-dbt-build").splitlines()
    assert any(json.loads(line)["info"]["name"] for line in said if line.startswith("{"))


def test_a_retry_that_dbt_cannot_start_runs_whole(tmp_path: Path):
    """`dbt retry` ends with "No such option '--no-warn-error'" where the flag is false."""
    settings = SETTINGS + "flags: {warn_error: false}\n"
    site = make_site(tmp_path, {**PROJECT, "dbt_project.yml": settings})
    configured(site, {"daily": job("dbt build")})
    site.push({"models/late.sql": "select * from nowhere"})
    failed = site.run("prod__daily")
    site.push({"models/late.sql": "select 1 as id"})
    mended = site.run("prod__daily", retry_of=failed.run_id)
    assert mended.success
    assert "runs whole: `dbt retry` can't start" in site.console(mended.run_id, "04-dbt-build")
    assert results(site, mended) == dict.fromkeys(("orders", "revenue", "late"), "success")


def test_an_option_that_a_run_cannot_have_is_taken_out_and_named(broken: Site):
    """`--no-write-json` interrupted dbt halfway."""
    run = broken.run("prod__colored")
    console = broken.console(run.run_id, "04-dbt-build")
    assert f"{SET_OVER}`--no-write-json --log-level-file debug`\n" in console
    assert "\x1b[31m" in console, "colors are the user's choice"
    assert results(broken, run) == {"broken": "error"}

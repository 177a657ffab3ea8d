"""The first parse of a commit starts from that of another one, and nothing else comes of it."""

import json
from pathlib import Path
from typing import Any

import msgpack  # pyright: ignore[reportMissingTypeStubs]
import pytest

from deploy_project.releases import parses, pointer, prepare
from deploy_project.releases.parses import Start
from deploy_project.releases.workspace import Workspace
from tests.support.deployments.site import DEPLOY, PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      again: {environment: prod, execute_steps: [dbt compile, dbt build], settings: {threads: 3}}
      checks: {id: 23, environment: prod, job_type: ci, execute_steps: [dbt build]}
"""
CI = DEPLOY.replace(
    "{repository: REMOTE}",
    "{repository: REMOTE, pull_requests: {refs: pr/*, without_state: build_all}}",
)
OTHER = "select 2 * sum(amount) as revenue from {{ ref('orders') }}"


def started_from(site: Site, run: Result, step: str = "04-dbt-build") -> list[str]:
    """Return the commits that a step's log tells of as the starts of its parse."""
    said = "Starting from the parse of commit "
    lines = site.console(run.run_id, step).splitlines()
    return [line.removeprefix(said) for line in lines if line.startswith(said)]


def debug_log(site: Site, run: Result, step: str = "04-dbt-build") -> str:
    return (site.directory(run.run_id, step) / "dbt.log").read_text(encoding="utf-8")


def partial_parses(site: Site, commit: str) -> list[Path]:
    """Return the files of dbt's own that are kept of a commit."""
    return [*site.state.checkout("tiny", commit).root.glob("parsed/*/partial_parse.msgpack")]


def lose_a_node(site: Site, commit: str) -> None:
    """Have the kept parse of a commit miss a node, as a mistake of dbt's would."""
    for file in partial_parses(site, commit):
        found: dict[str, Any] = msgpack.unpackb(file.read_bytes())
        del found["nodes"]["model.tiny.orders"]
        file.write_bytes(msgpack.packb(found))  # pyright: ignore


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path, PROJECT)
    made.configure(jobs=JOBS, deploy=CI)
    return made


def test_a_new_commit_starts_from_the_parse_of_the_one_before(site: Site):
    first = site.git("rev-parse", "HEAD")
    begun = site.run("prod__nightly")
    assert started_from(site, begun) == []
    second = site.push({"models/revenue.sql": OTHER})
    run = site.run("prod__nightly")
    assert run.success
    assert started_from(site, run) == [first[:12]]
    assert "0 files deleted, 0 files added, 1 files changed" in debug_log(site, run)
    assert site.query("select revenue from revenue") == [(20,)]
    later = site.run("prod__nightly")
    assert started_from(site, later) == []
    assert "Nothing changed, skipping partial parsing" in debug_log(site, later)
    site.push({"models/more.sql": "select 3 as n"})
    run = site.run("prod__again")
    assert started_from(site, run, "04-dbt-compile") == [second[:12]], "the nearest one"
    assert started_from(site, run, "05-dbt-build") == []
    assert "Nothing changed, skipping partial parsing" in debug_log(site, run, "05-dbt-build")


def test_a_change_that_dbt_gets_wrong_is_parsed_from_scratch(site: Site):
    """A model that is disabled now was still referred to, and the commit was deployed."""
    assert site.run("prod__nightly").success
    site.push({"models/orders.sql": "{{ config(enabled=false) }} select 1 as amount"})
    run = site.run("prod__nightly")
    assert not run.success
    assert (
        "depends on a node named 'orders' which is disabled" in site.record(run.run_id)["message"]
    )
    assert started_from(site, run) == []


def test_an_error_is_never_of_another_commits_parse_alone(site: Site):
    first = site.git("rev-parse", "HEAD")
    assert site.run("prod__nightly").success
    lose_a_node(site, first)
    second = site.push({"models/revenue.sql": OTHER})
    run = site.run("prod__nightly")
    assert run.success
    assert started_from(site, run) == [first[:12]]
    said = site.console(run.run_id, "04-dbt-build")
    assert "depends on a node named 'orders' which was not found" in said
    line = f"dbt could not go on from the parse of commit {first[:12]}: parsing from scratch"
    assert line in said
    assert site.query("select revenue from revenue") == [(20,)]
    kept = partial_parses(site, second)[0].with_name("manifest.json")
    assert "model.tiny.orders" in json.loads(kept.read_bytes())["nodes"]


def test_an_error_of_the_commit_itself_is_told_once(site: Site):
    assert site.run("prod__nightly").success
    site.push({"models/revenue.sql": "select * from {{ ref('nowhere') }}"})
    run = site.run("prod__nightly")
    assert not run.success
    message = site.record(run.run_id)["message"]
    assert message.count("depends on a node named 'nowhere' which was not found") == 1


def test_a_deploy_starts_from_the_parse_of_another_commit(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    starts: list[Start] = []
    begin = parses.begin

    def begun(workspace: Workspace, target: Path) -> Start:
        starts.append(begin(workspace, target))
        return starts[-1]

    monkeypatch.setattr(parses, "begin", begun)
    said: list[str] = []
    commits = [site.git("rev-parse", "HEAD")]
    shown: list[dict[str, Any]] = []
    for number in range(3):
        if number:
            commits.append(site.push({"models/revenue.sql": f"{OTHER} -- {number}"}))
        deployment = site.deployment
        environment = deployment.environments["prod"]
        at = prepare.prepare(deployment, environment, commits[-1], site.state, on_line=said.append)
        shown.append(pointer.shown_manifest(site.state, environment, at))
        if number:
            lose_a_node(site, commits[-1])
    assert [each.commit for each in starts] == ["", *commits[:2]]
    assert [each for each in said if "could not go on" in each] == [starts[2].failed]
    for number, manifest in enumerate(shown):
        code = manifest["nodes"]["model.tiny.revenue"]["raw_code"]
        assert code.endswith(f"-- {number}") or not number


def test_nothing_starts_from_the_parse_of_a_pull_request(site: Site):
    first = site.git("rev-parse", "HEAD")
    assert site.run("prod__nightly").success
    head = site.push({"models/revenue.sql": OTHER}, ref="pr/7")
    tags = {"deploy/pull_request": "7", "deploy/commit": head}
    run = site.run("prod__checks", tags)
    assert run.success
    assert started_from(site, run) == []
    assert partial_parses(site, head), "its own later commands go on with it"
    assert not [*site.state.checkout("tiny", head).root.rglob("contents.json")]
    site.git("push", "--quiet", "origin", "HEAD:refs/heads/main")
    merged = site.run("prod__nightly")
    assert started_from(site, merged) == [first[:12]]
    site.push({"models/revenue.sql": f"{OTHER} -- more"}, ref="pr/7")
    assert started_from(site, site.run("prod__checks", tags)) == []


def test_a_project_may_have_each_commit_parsed_from_scratch(site: Site):
    site.configure(jobs=JOBS, deploy=DEPLOY.replace("REMOTE", "REMOTE, partial_parsing: false"))
    for number in range(2):
        site.push({"models/revenue.sql": f"{OTHER} -- {number}"})
        run = site.run("prod__nightly")
        assert run.success
        assert started_from(site, run) == []

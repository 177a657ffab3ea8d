"""The table of docs/starting-runs.md on what a run publishes, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_project.runs.model import run_facts, tags
from tests.support.deployments.site import Result, make_site

pytestmark = pytest.mark.slow

JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build], generate_docs: true}
      ci: {environment: prod, job_type: ci, execute_steps: [dbt build], generate_docs: true}
"""


def own(**config: Any) -> Mapping[str, Any]:
    return {"ops": {"clone_git_repository": {"config": config}}}


def steps(**config: Any) -> Mapping[str, Any]:
    return {"ops": {"plan": {"config": {"job": "nightly", **config}}}}


@dataclass(frozen=True)
class Published:
    """The ids of the runs whose state and docs are published, and the deployed commit."""

    state: str
    docs: str
    commit: str


class Deployment:
    """A deployment with one run behind it; `@older` of the table is one of its commits."""

    def __init__(self, directory: Path, *, dbt: Path | None = None) -> None:
        self.site = make_site(directory)
        if dbt is not None:
            self.site.state.root.mkdir()
            (self.site.state.root / "dbt").symlink_to(dbt)
        self.site.configure(jobs=JOBS)
        self.commits = {"older": self.site.git("rev-parse", "HEAD")}
        self.site.git("checkout", "--quiet", "-b", "feature")
        self.commits["feature"] = self.site.push({"models/new.sql": "select 1 as a"}, ref="feature")
        self.site.git("checkout", "--quiet", "main")
        self.first = self.site.run("prod__nightly")
        assert self.first.success
        self.commits["head"] = self.site.push({"models/orders.sql": "select 2 as id, 3 as amount"})

    def published(self) -> Published:
        owner = self.site.artifacts.environment("prod")
        found = {name: self.site.artifacts.published(owner, name) for name in ("state", "docs")}
        names = {name: place.name if place else "" for name, place in found.items()}
        pointer = self.site.state.deployed("prod").read_text(encoding="utf-8")
        commit = next((c for c in self.commits.values() if pointer.startswith(c)), "")
        return Published(names["state"], names["docs"], commit)

    def run(self, asked: Mapping[str, str], config: Mapping[str, Any]) -> Result:
        named = {
            name: self.commits[value[1:]] if value.startswith("@") else value
            for name, value in asked.items()
        }
        job = "prod__requested" if "plan" in config.get("ops", {}) else "prod__nightly"
        job = "prod__ci" if asked.get("deploy/pull_request") == "7" else job
        return self.site.run(job, named, config=config)


ROWS: dict[str, tuple[Mapping[str, str], Mapping[str, Any], str]] = {
    "as configured": ({}, {}, "state docs commit assets"),
    "threads and timeout": ({}, own(threads=1, timeout_seconds=600), "state docs commit assets"),
    "docs off": ({}, steps(generate_docs=False), "state commit assets"),
    "an older commit of the branch": ({"deploy/commit": "@older"}, {}, "state docs assets"),
    "the head by its id": ({"deploy/commit": "@head"}, {}, "state docs assets"),
    "another branch": ({"deploy/branch_override": "feature"}, {}, ""),
    "a commit of another branch": ({"deploy/commit": "@feature"}, {}, ""),
    "another schema": ({"deploy/schema_override": "trial"}, {}, ""),
    "another target name": ({}, own(target_name="other"), "assets"),
    "the target's own name": ({}, own(target_name="prod"), "state docs commit assets"),
    "another version of dbt": ({}, own(dbt_version="1.10.*"), "assets"),
    "other steps": ({}, steps(steps=["dbt run"]), "assets"),
    "the job's own steps": ({}, steps(steps=["dbt build"]), "state docs commit assets"),
    "a pull request": ({"deploy/pull_request": "7", "deploy/commit": "@feature"}, {}, ""),
}
"""The tags and the configuration of a run, and what moves: published or reported."""


@pytest.mark.parametrize("row", ROWS)
def test_a_run_publishes(row: str, tmp_path: Path, older_dbt: Path):
    asked, config, expected = ROWS[row]
    made = Deployment(tmp_path, dbt=older_dbt)
    before = made.published()
    run = made.run(asked, config)
    assert run.success
    after = made.published()
    found = {
        "state": after.state == run.run_id,
        "docs": after.docs == run.run_id,
        "commit": after.commit == made.commits["head"],
        "assets": "prod/orders" in made.site.materialized(run.run_id),
    }
    assert {name for name, moved in found.items() if moved} == set(expected.split())
    kept = Published(
        run.run_id if found["state"] else before.state,
        run.run_id if found["docs"] else before.docs,
        made.commits["head"] if found["commit"] else before.commit,
    )
    assert after == kept
    console = made.site.console(run.run_id, "01-clone-git-repository")
    says_so = "publishes neither state nor docs" in console
    assert says_so == ("state" not in expected and row != "a pull request")


def test_a_commit_that_was_forced_out_of_the_branch_is_a_strangers(tmp_path: Path):
    """It was trusted as long as nobody had looked at the branch since."""
    made = Deployment(tmp_path)
    assert made.run({}, {}).success
    gone = made.site.push({"models/orders.sql": "select 7 as id, 7 as amount"})
    made.site.push({"models/revenue.sql": "select 1 as revenue"})
    assert made.run({}, {}).success, "the last known head has the commit in its history"
    made.site.git("reset", "--quiet", "--hard", made.commits["head"])
    made.site.push({})
    run = made.run({"deploy/commit": gone}, {})
    assert run.success
    facts = run_facts.kept(made.site.artifacts, run.run_id)
    assert facts is not None
    assert facts.code is not None
    assert (facts.is_strangers, facts.code.branch) == (True, "")
    assert made.site.query("select id from orders") == [(7,)], "production as it was built last"
    assert made.published().state != run.run_id


def test_a_commit_that_can_not_be_had_counts_for_no_streak(tmp_path: Path):
    """Whoever may ask for commits could have failed often enough to stop the job."""
    made = Deployment(tmp_path)
    run = made.run({"deploy/commit": "f" * 40}, {})
    assert not run.success
    with made.site.instance() as instance:
        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.tags[tags.STRANGER] == "true"


def test_a_pull_request_that_is_no_number_is_refused(tmp_path: Path):
    """A run that was meant to be apart built production."""
    made = Deployment(tmp_path)
    run = made.run({"deploy/pull_request": "abc"}, {})
    assert not run.success
    assert "which is no pull request's number" in made.site.record(run.run_id)["message"]


def test_another_branch_is_a_strangers(tmp_path: Path):
    """It is held to the sandbox, and builds in a copy of production's file."""
    made = Deployment(tmp_path)
    theft = "select * from read_text('/etc/shadow')"
    table = "{{ config(materialized='table') }}"
    made.site.push({"models/theft.sql": f"{table} {theft}"}, ref="theft")
    run = made.run({"deploy/branch_override": "theft"}, {})
    assert not run.success
    console = made.site.console(run.run_id, "04-dbt-build")
    assert "docs/security.md has what it may reach" in console
    assert made.site.query("select id from orders") == [(1,)], "production is as it was"
    assert made.site.materialized(run.run_id) == []
    facts = run_facts.kept(made.site.artifacts, run.run_id)
    assert facts is not None
    assert (facts.is_strangers, facts.unpublished) == (
        True,
        "its code is not of its environment's branch",
    )

"""Which run has deployed a pull request, and the line in its comment."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.ci.comment.deployed import Build, first, home, kept, line, told
from deploy_project.config.values.deployment import Account, Deployment, Environment, Job, Project

BUILDS = [Build("d", "4"), Build("c", "3"), Build("b", "2"), Build("a", "1")]
SAID = line(Build("7d3c1f0a-1111", "c" * 40), "prod", run_url="http://a/r", commit_url="http://a/c")
COMMENT = "<!-- x -->\n### ✅ `dbt/prod/ci` succeeded\n\nCommit `1` · 2 built\n"


@pytest.mark.parametrize(
    ("having", "expected"),
    [("4", "d"), ("34", "c"), ("1234", "a"), ("234", "b"), ("", None), ("12", None), ("412", "d")],
    ids=["the newest", "before", "all", "but one", "none", "rolled back", "deployed again"],
)
def test_the_first_run_since_which_production_has_it(having: str, expected: str | None):
    found = first(BUILDS, lambda commit: commit in having)
    assert (found and found.run_id) == expected


def test_the_line_stands_below_the_title_once():
    assert SAID == (
        "🚀 **Deployed** to `prod` by [run `7d3c1f0a`](http://a/r), commit [`cccccccccccc`](http://a/c)"
    )
    after = told(COMMENT, SAID)
    assert after == COMMENT.replace("succeeded\n", f"succeeded\n\n{SAID}\n")
    assert told(after, "something else") == after


def test_a_newer_comment_keeps_the_line():
    assert kept(told(COMMENT, SAID), "### ⏳ again\n\nCommit `1`\n") == (
        f"### ⏳ again\n\n{SAID}\n\nCommit `1`\n"
    )
    assert kept(COMMENT, "### ⏳ again\n") == "### ⏳ again\n"


def test_pull_requests_are_on_their_way_to_production():
    project = Project("shop", 1, "/shop")
    production = Environment("prod", 2, project, "production")
    staging = Environment("staging", 3, project, "staging")
    other = replace(production, name="theirs", project=Project("finance", 4, "/finance"))
    job = Job("staging__ci", "ci", 5, "CI", staging, "", "ci", (("build",),), ("dbt build",))

    def deployment(*environments: Environment) -> Deployment:
        named = {each.name: each for each in environments}
        return Deployment(Path("/nowhere"), Account(7, "Shop"), {}, named, {})

    assert home(job, deployment(other, staging, production)) == "prod"
    assert home(job, deployment(other, staging)) == "staging"

"""What the selections of jobs match, as dbt itself tells it when a commit is prepared."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploy_project.releases.prepare import prepare
from deploy_project.releases.questions.selections import (
    asked,
    file_of,
    is_told,
    selecting,
    told,
)
from tests.support.deployments.jobs import job
from tests.support.deployments.site import PROJECT, Site, make_site

JOBS = """
    jobs:
      all: {environment: prod, execute_steps: [dbt build]}
      some:
        environment: prod
        execute_steps:
          - dbt build --select tag:hourly+
          - "dbt run --exclude revenue --vars '{a: 1}'"
          - dbt run --selector nothing_by_this_name
          - dbt build -s state:modified+
          - dbt test --select orders
      check: {environment: prod, execute_steps: [dbt build -s orders], job_type: ci}
"""


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("build", ()),
        ("run --threads 3 --target prod", ()),
        ("build -s a b --exclude c --vars {}", ("-s", "a", "b", "--exclude", "c")),
        ("build --state s --selector x", ("--selector", "x")),
    ],
)
def test_the_options_that_decide_what_is_built(command: str, options: Sequence[str]):
    found = selecting(command.split())
    assert found is not None
    assert found.options == tuple(options)


def test_other_commands_build_nothing():
    assert selecting(["test", "-s", "a"]) is None
    assert selecting(["docs", "generate"]) is None
    assert selecting(["nonsense"]) is None


@pytest.mark.parametrize("method", ["state:modified+", "a,result:error", "source_status:fresher+"])
def test_dbt_is_not_asked_what_only_a_run_can_know(method: str):
    found = selecting(["build", "-s", method])
    assert found is not None
    assert found.depends_on_changes
    assert asked([job(f"dbt build -s {method}", "dbt build")]) == []


def test_each_selection_is_asked_once_and_in_one_order():
    daily = job("dbt build -s b", "dbt build -s a", "dbt run -s a")
    assert [each.options for each in asked([daily, daily])] == [("-s", "a"), ("-s", "b")]
    assert asked([replace(daily, job_type="ci")]) == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    orders = "{{ config(tags=['hourly']) }} select 1 as id, 10 as amount"
    seed = {"seeds/countries.csv": "id\n1\n"}
    made = make_site(
        tmp_path_factory.mktemp("selections"), {**PROJECT, "models/orders.sql": orders, **seed}
    )
    made.configure(jobs=JOBS)
    return made


@pytest.mark.slow
def test_dbt_is_asked_once_when_a_commit_is_prepared(site: Site):
    deployment, head = site.deployment, site.git("rev-parse", "HEAD")
    environment = deployment.environments["prod"]
    wanted = asked(deployment.jobs_in(environment))
    checkout = site.state.checkout("tiny", head)
    said: list[str] = []
    at = prepare(deployment, environment, head, site.state, on_line=said.append)
    assert is_told(checkout, at.parsed, wanted)
    found = {
        tuple(json.loads(key)): each for key, each in told(checkout, at.parsed, wanted).items()
    }
    assert found == {
        ("--select", "tag:hourly+"): {"model.tiny.orders", "model.tiny.revenue"},
        ("--exclude", "revenue"): {"model.tiny.orders", "seed.tiny.countries"},
        ("--selector", "nothing_by_this_name"): None,
    }
    assert any("nothing_by_this_name" in line for line in said)
    before = file_of(checkout, at.parsed, wanted).stat()
    prepare(deployment, environment, head, site.state, on_line=said.append)
    assert file_of(checkout, at.parsed, wanted).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.slow
def test_a_damaged_answer_is_none(site: Site):
    deployment, head = site.deployment, site.git("rev-parse", "HEAD")
    environment = deployment.environments["prod"]
    at = prepare(deployment, environment, head, site.state, on_line=lambda _: None)
    wanted = asked(deployment.jobs_in(environment))
    checkout = site.state.checkout("tiny", head)
    file = file_of(checkout, at.parsed, wanted)
    whole = file.read_bytes()
    for damaged in (b"", b"[]", b'{"a": 1}'):
        file.write_bytes(damaged)
        assert told(checkout, at.parsed, wanted) == {}
    file.write_bytes(whole)

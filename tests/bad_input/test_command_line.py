"""Names that the command line does not know, and a Dagster that does not answer."""

import pytest

from deploy_project.cli import main
from deploy_project.runs.instance.identity import Answer, Identity, another_history, refusal
from deploy_project.runs.model.tags import LOCATION
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met
from tests.support.web_page import page

pytestmark = pytest.mark.slow

WRONG = {
    "job": (["run", "dayly"], "there is no job 'dayly'; did you mean 'daily'?"),
    "branch": (["run", "daily", "--branch", "nope"], "branch 'nope' does not exist"),
    "commit": (["run", "daily", "--commit", "4ae5ef6"], "'4ae5ef6' is not a full commit id"),
    "code": (["run", "daily", "--pull-request", "12"], "a pull request's schema follows from its"),
    "kind": (
        ["run", "daily", "--pull-request", "12", "--commit", "a" * 40],
        "job 'daily' is not one of pull requests; give it `job_type: ci`",
    ),
    "step": (["run", "daily", "--step", "make"], "override 'steps.0': the command is not a dbt"),
    "endless step": (["run", "daily", "--step", "dbt docs serve"], "override 'steps.0': the comm"),
    "threads": (["run", "daily", "--threads", "5000"], "override 'threads': Input should be less"),
    "version": (["run", "daily", "--dbt-version", "new"], "override 'dbt_version' is not a versi"),
    "environment": (["deploy", "prd"], "there is no environment 'prd'; did you mean 'prod'?"),
    "bell": (["ci", "poll"], "no job is started by pull requests"),
    "project": (["ci", "poll", "--project", "x"], "project 'x' has no job that pull requests"),
    "retry": (["retry", "0b1e5f2c"], "no run is called '0b1e5f2c' in the history of "),
    "cancel": (
        ["cancel", "0b1e5f2c-7c1d-4f43-9d0f-0a6a3c1c7a11"],
        "no run is called '0b1e5f2c-7c1",
    ),
    "number": (["retry", "12345"], "no run is called '12345' in the history of "),
    "Dagster": (["run", "daily"], "Dagster at http://127.0.0.1:9 does not answer"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there(
    deployed: Deployed, case: str, met: Met, capsys: pytest.CaptureFixture[str]
):
    arguments, words = WRONG[case]
    with deployed.unchanged():
        assert main(arguments) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"deploy-project {arguments[0]}: {words}")
    met(said.removeprefix(f"deploy-project {arguments[0]}: "))


HERE = Identity("desk", "/home/me/deploy.yaml", "Acme", ("shop: git@example.com:acme/shop",))
THERE = Identity("server", "/srv/deploy.yaml", "Other", ("shop: git@example.com:other/shop",))


@pytest.mark.parametrize(
    "answer",
    [
        Answer([]),
        Answer(["marketing", "finance"]),
        Answer([LOCATION], problem="ConfigError: /srv/deploy.yaml does not exist"),
        Answer([LOCATION]),
        Answer([LOCATION], identity=THERE),
    ],
    ids=["nothing there", "other locations", "not loaded", "says nothing", "another"],
)
def test_a_dagster_that_is_not_of_this_deployment(answer: Answer, met: Met):
    """Real ones are in tests/cli/test_the_right_dagster.py."""
    met(refusal("http://127.0.0.1:3000", HERE, answer, wish="launch"))


def test_a_dagster_with_another_history(met: Met):
    for there in (HERE, None):
        met(another_history("http://127.0.0.1:3000", HERE, there, history="/srv/dagster.yaml"))


def test_something_that_is_no_dagster(
    deployed: Deployed, met: Met, capsys: pytest.CaptureFixture[str]
):
    with page() as (url, _):
        deployed.reconfigure("http://127.0.0.1:9", url)
        assert main(["run", "daily"]) == 1
    met(capsys.readouterr().err.strip().removeprefix("deploy-project run: "))


def test_a_history_that_cannot_be_opened(
    deployed: Deployed, met: Met, capsys: pytest.CaptureFixture[str]
):
    storage = "storage: {postgres: {postgres_url: 'nonsense://localhost/history'}}"
    (deployed.root / "dagster.yaml").write_text(storage, encoding="utf-8")
    assert main(["runs"]) == 1
    met(capsys.readouterr().err.strip().removeprefix("deploy-project runs: "))


def test_a_commit_that_cannot_be_deployed(
    deployed: Deployed, met: Met, capsys: pytest.CaptureFixture[str]
):
    deployed.push({"dbt_project.yml": None})
    with deployed.unchanged():
        assert main(["deploy", "prod"]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("prod: not deployed: there is no dbt_project.yml in the root of ")
    met(said.removeprefix("prod: not deployed: "))

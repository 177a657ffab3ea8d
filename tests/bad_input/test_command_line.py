"""Names that the command line does not know, and a Dagster that does not answer."""

import pytest

from deploy_project.cli import main
from tests.bad_input.deployed import Deployed
from tests.bad_input.documented import Met

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
    "environment": (["deploy", "prd"], "there is no environment 'prd'; did you mean 'prod'?"),
    "bell": (["ci", "poll"], "no job is started by pull requests"),
    "project": (["ci", "poll", "--project", "x"], "project 'x' has no job that pull requests"),
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

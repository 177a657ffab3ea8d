"""`deploy-project import` from our own front, as from dbt Cloud."""

from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.resolve.loading import load_deployment
from tests.support.api.callers import secret
from tests.support.api.front import caller_of

JOBS = """
    jobs:
      daily:
        id: 5
        environment: production
        execute_steps: [dbt build, "dbt run --vars '{a: 1}'"]
        custom_environment_variables: [{DBT_MODE: full}, {DBT_ENV_SECRET_KEY: {env: OTHER}}]
        schedule: {cron: "0 5 * * 1,2"}
        self_deferring: true
        generate_docs: true
      pulls: {id: 6, environment: staging, job_type: ci, execute_steps: [dbt build]}
      after:
        id: 8
        name: After it [[after]]
        environment_id: 11
        execute_steps: [dbt test]
        triggers: {on_merge: true}
        job_type: merge
        job_completion_trigger_condition: {condition: {job_id: 5}}
"""


def test_an_import_of_ours_is_the_same_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TOKEN", secret("admin"))
    new = tmp_path / "new"
    with caller_of(tmp_path, jobs=JOBS) as caller:
        made = caller.call("POST", "jobs", {"name": "Over the API", "environment_id": 12})
        assert made[0] == 201
        before = load_deployment(tmp_path / "deploy.yaml", state=caller.state.root)
        words = ("--token-env", "TOKEN", "--url", caller.address, "--directory", str(new))
        assert main(["import", "--account", "3", *words]) == 0, capsys.readouterr().err
    after = load_deployment(new / "deploy.yaml", state=new / ".deploy")
    assert after.warnings == ()
    assert [(each.name, each.id, each.type) for each in after.environments.values()] == [
        (each.name, each.id, each.type) for each in before.environments.values()
    ]
    pairs = list(zip(before.jobs.values(), after.jobs.values(), strict=True))
    for ours, theirs in pairs:
        for key in (
            *("name", "id", "title", "description", "job_type", "commands", "timeout_seconds"),
            *("deferral", "generate_docs", "run_generate_sources", "cron", "scheduled"),
            *("on_merge", "on_pull_request", "completion", "run_lint", "run_compare_changes"),
        ):
            assert getattr(theirs, key) == getattr(ours, key), (ours.name, key)
    assert set(after.jobs["production__daily"].variables) == {"DBT_MODE", "DBT_ENV_SECRET_KEY"}
    assert after.projects["shop"].variables["DBT_REGION"] == "eu"

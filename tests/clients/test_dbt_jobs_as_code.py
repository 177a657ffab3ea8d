"""dbt-jobs-as-code, as it is released, against our front in the place of dbt Cloud."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment
from tests.support.api.callers import secret
from tests.support.api.front import Caller, caller_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

TOOL = Path(sys.executable).parent / "dbt-jobs-as-code"
COMMON = """
    account_id: 3
    project_id: 7
    environment_id: 11
    settings: {threads: 8, target_name: prod}
    execution: {timeout_seconds: 3600}
    run_generate_sources: true
    generate_docs: true
    triggers: {github_webhook: false, git_provider_webhook: false, schedule: true, on_merge: false}
"""
JOBS = f"""
jobs:
  nightly:
    name: "Nightly, of {{ everything }}"
    description: All of it, each night
    execute_steps: [dbt seed, "dbt build --select tag:nightly"]
    schedule: {{cron: "0 5 * * 1,2"}}
    deferring_environment_id: 12
    dbt_version: 1.10.0-latest
    custom_environment_variables:
      - DBT_REGION: asia
      - DBT_MODE: "{{ not a template }}"
      - DBT_NOTHING: null
{COMMON}
  after:
    name: After the daily one
    execute_steps: [dbt test]
    schedule: {{cron: "6 */12 * * 0,1,2,3,4,5,6"}}
    job_completion_trigger_condition: {{condition: {{job_id: 5, project_id: 7, statuses: [10]}}}}
    cost_optimization_features: [dbt_state]
{COMMON}
  pulls:
    name: Pull requests
    job_type: ci
    execute_steps: [dbt build --select state:modified+]
    triggers_on_draft_pr: true
    run_lint: true
    errors_on_lint_failure: false
    run_compare_changes: true
    compare_changes_flags: --select state:modified+ --exclude  tag:slow
    deferring_environment_id: 11
    account_id: 3
    project_id: 7
    environment_id: 12
    settings: {{threads: 4, target_name: default}}
    run_generate_sources: false
    generate_docs: false
    triggers: {{github_webhook: true, schedule: false, on_merge: false}}
"""


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    with caller_of(tmp_path) as found:
        yield found


def tool(
    caller: Caller, command: str, *options: str, jobs: str | None = JOBS
) -> subprocess.CompletedProcess[str]:
    """What the command line has said; `jobs` are in a file of its own, if there are any."""
    file = caller.state.root.parent / "as-code" / "jobs.yml"
    if jobs is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(jobs, encoding="utf-8")
    return subprocess.run(
        [str(TOOL), command, *([] if jobs is None else [str(file)]), *options],
        env={**os.environ, "DBT_API_KEY": secret("creator"), "DBT_BASE_URL": caller.address},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def plan(caller: Caller, jobs: str = JOBS) -> Any:
    done = tool(caller, "plan", "--json", jobs=jobs)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sync(caller: Caller, jobs: str = JOBS) -> None:
    done = tool(caller, "sync", jobs=jobs)
    assert done.returncode == 0, done.stdout + done.stderr


def deployment(caller: Caller) -> Deployment:
    root = caller.state.root.parent
    return load_deployment(root / "deploy.yaml", state=caller.state.root)


NOTHING: Any = {"job_changes": [], "env_var_overwrite_changes": []}


def test_a_second_plan_shows_no_difference(caller: Caller):
    sync(caller)
    found = {job.identifier: job for job in deployment(caller).jobs.values()}
    assert set(found) == {"daily", "nightly", "after", "pulls"}
    nightly = found["nightly"]
    assert (nightly.title, nightly.commands) == (
        "Nightly, of { everything }",
        ("dbt seed", "dbt build --select tag:nightly"),
    )
    assert (nightly.cron, nightly.scheduled, nightly.threads) == (("0 5 * * 1,2",), True, 8)
    assert dict(nightly.variables) == {"DBT_REGION": "asia", "DBT_MODE": "{ not a template }"}
    assert str(found["after"].completion) == "job production__daily"
    assert found["pulls"].on_pull_request
    assert plan(caller) == NOTHING


def test_a_change_is_an_update_and_a_job_that_is_gone_is_deleted(caller: Caller):
    sync(caller)
    changed = JOBS.replace("dbt seed, ", "").replace("DBT_REGION: asia", "DBT_REGION: africa")
    told = plan(caller, changed)
    assert [each["action"] for each in told["job_changes"]] == ["UPDATE"]
    assert [each["action"] for each in told["env_var_overwrite_changes"]] == ["UPDATE"]
    sync(caller, changed)
    assert plan(caller, changed) == NOTHING
    nightly = deployment(caller).jobs["production__nightly"]
    assert (nightly.commands, nightly.variables["DBT_REGION"]) == (
        ("dbt build --select tag:nightly",),
        "africa",
    )
    without = changed.partition("  pulls:")[0].replace("      - DBT_REGION: africa\n", "")
    sync(caller, without)
    assert plan(caller, without) == NOTHING
    assert set(deployment(caller).jobs) == {
        "production__daily",
        "production__nightly",
        "production__after",
    }
    assert "DBT_REGION" not in deployment(caller).jobs["production__nightly"].variables


def test_jobs_of_files_in_git_are_left_alone(caller: Caller):
    """They have no identifier in their names, so that the tool does not see them as its own."""
    sync(caller)
    assert "production__daily" in deployment(caller).jobs
    again = tool(caller, "sync", jobs=JOBS.replace("  nightly:", "  daily:"))
    assert again.returncode == 1
    assert "jobs.yml:3" in again.stdout + again.stderr


def test_what_it_validates_and_imports_is_ours(caller: Caller):
    assert tool(caller, "validate", "--online").returncode == 0
    sync(caller)
    done = tool(caller, "import-jobs", "--account-id", "3", "--include-linked-id", jobs=None)
    assert done.returncode == 0, done.stderr
    assert "linked_id: 5" in done.stdout


def test_identifiers_in_descriptions_work_too(caller: Caller):
    done = tool(caller, "sync", "--use-desc-for-id")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {job.title: job for job in deployment(caller).jobs.values()}
    assert found["Pull requests"].description == "[[pulls]]"
    assert found["Pull requests"].identifier == "pull_requests"
    done = tool(caller, "sync", "--use-desc-for-id", "--json")
    assert json.loads(done.stdout)["job_changes"] == []


def test_a_job_is_linked_and_unlinked_and_stays_the_same(caller: Caller):
    made = caller.call("POST", "jobs", {"name": "By hand", "environment_id": 11})[1]["data"]
    linked = f"""
jobs:
  own:
    linked_id: {made["id"]}
    name: By hand
    execute_steps: [dbt build]
    schedule: {{cron: "0 0 1 1 *"}}
    job_type: other
{COMMON}
"""
    done = tool(caller, "link", jobs=linked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert name_of(caller, made["id"]) == "By hand [[own]]"
    sync(caller, linked)
    assert plan(caller, linked) == NOTHING
    assert deployment(caller).jobs["production__by_hand"].threads == 8
    done = tool(caller, "unlink", "--account-id", "3", jobs=None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert name_of(caller, made["id"]) == "By hand"
    assert list(deployment(caller).jobs) == ["production__daily", "production__by_hand"]


def name_of(caller: Caller, job: int) -> str:
    return caller.call("GET", f"jobs/{job}")[1]["data"]["name"]

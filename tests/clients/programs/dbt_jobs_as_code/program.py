"""dbt-jobs-as-code: sync creates, changes and deletes jobs; a plan after it finds no change."""

import os
import subprocess
import sys
from pathlib import Path

from cells import ACCOUNT, ENVIRONMENT, PROJECT, TOKEN, URL, cell, lacks
from dbt_jobs_as_code.client import DBTCloud

JOBS = """
jobs:
  nightly:
    account_id: {account}
    project_id: {project}
    environment_id: {environment}
    name: Nightly build
    description: Builds everything
    dbt_version: null
    deferring_job_definition_id: null
    deferring_environment_id: {environment}
    execute_steps: [dbt build, "dbt run-operation noted --args '{{table: orders}}'"]
    execution: {{timeout_seconds: 3600}}
    generate_docs: true
    run_generate_sources: true
    schedule: {{cron: "{cron}"}}
    settings: {{target_name: production, threads: 8}}
    state: 1
    triggers:
      {{github_webhook: false, git_provider_webhook: false, schedule: true, on_merge: false}}
    job_type: scheduled
    custom_environment_variables: [DBT_WAREHOUSE: "{warehouse}"]
  pulls:
    account_id: {account}
    project_id: {project}
    environment_id: {environment}
    name: Checks of pull requests
    execute_steps: [dbt build --select state:modified+]
    deferring_environment_id: {environment}
    generate_docs: false
    run_generate_sources: false
    run_lint: true
    settings: {{target_name: default, threads: 4}}
    triggers:
      {{github_webhook: true, git_provider_webhook: false, schedule: false, on_merge: false}}
    job_type: ci
"""
FILE = Path("jobs-as-code.yml")


def write(*, cron="0 5 * * 1,2,3,4,5", warehouse="small", only="", **_):
    text = JOBS.format(
        account=ACCOUNT, project=PROJECT, environment=ENVIRONMENT, cron=cron, warehouse=warehouse
    )
    FILE.write_text(text if not only else text[: text.index("  pulls:")], encoding="utf-8")


def tool(*arguments):
    given = {**os.environ, "DBT_API_KEY": TOKEN, "DBT_BASE_URL": URL}
    command = [str(Path(sys.executable).parent / "dbt-jobs-as-code"), *arguments]
    done = subprocess.run(command, env=given, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, (done.stdout + done.stderr)[-400:]
    return done.stdout + done.stderr


def in_step():
    """Whether a plan finds no difference."""
    return "-- PLAN -- No changes" in tool("plan", str(FILE))


with cell("also") as remark:
    write()
    tool("validate", "--online", str(FILE))
    assert not in_step()
    tool("sync", str(FILE))
    assert in_step()
    write(cron="15 */6 * * *", warehouse="large")
    assert not in_step()
    tool("sync", str(FILE))
    assert in_step()
    write(cron="15 */6 * * *", warehouse="large", only="nightly")
    tool("sync", str(FILE))
    assert in_step()
    cloud = DBTCloud(ACCOUNT, TOKEN, URL)
    left = [job.identifier for job in cloud.get_jobs() if job.identifier]
    assert left == ["nightly"], left
    exported = tool("import-jobs", "--account-id", str(ACCOUNT), "--include-linked-id")
    assert "Nightly build" in exported
    for job in cloud.get_jobs():
        if job.identifier:
            cloud.delete_job(job)
    remark("`sync` creates, changes and deletes jobs; the plan after it finds no difference")
for name in ("trigger", "wait", "artifact", "failure", "cancel", "retry"):
    lacks(name, DBTCloud, "run")

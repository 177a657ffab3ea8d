"""Our reading of jobs files against that of dbt-jobs-as-code, field by field."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from dbt_jobs_as_code.exporter.export import (  # pyright: ignore[reportMissingTypeStubs]
    export_jobs_yml,
)
from dbt_jobs_as_code.loader.load import (  # pyright: ignore[reportMissingTypeStubs]
    load_job_configuration,
    resolve_file_paths,
)
from dbt_jobs_as_code.schemas.job import (  # pyright: ignore[reportMissingTypeStubs]
    JobDefinition,
)

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import (
    DeferToEnvironment,
    DeferToJob,
    Deployment,
    Job,
    JobParent,
)

JOBS = Path(__file__).parent / "jobs"
PRODUCTION, STAGING = 134459, 134460
EXPORTS = [
    "old_export.yml",
    "export_2026.yml",
    "drafts.yml",
    "anchors.yml",
    "several",
    "several/*.y*ml",
    "templated.yml",
    "strings.yml",
    "completion.yml",
    "deferring.yml",
    "variables.yml",
]
_NO_VERSION = (None, "latest")


def ours(pattern: str, tmp_path: Path) -> Deployment:
    config = tmp_path / "deploy.yaml"
    config.write_text(
        f"""
projects: {{shop: {{id: 176941, repository: git@github.com:acme/shop.git}}}}
environments:
  production: {{id: {PRODUCTION}, type: production}}
  staging: {{id: {STAGING}, type: staging}}
jobs: ["{JOBS / pattern}"]
vars_files: {[str(JOBS / "vars")] if pattern == "templated.yml" else []}
"""
    )
    return load_deployment(config, state=tmp_path / "state")


def theirs(pattern: str) -> dict[str | None, JobDefinition]:
    files, _ = resolve_file_paths(str(JOBS / pattern))
    variables = [str(file) for file in (JOBS / "vars").iterdir()]
    used = variables if pattern == "templated.yml" else None
    jobs = load_job_configuration(files, used).jobs.values()
    return {job.identifier: job for job in jobs}


def outline(job: Job) -> dict[str, Any]:
    """Return what `job` says in the words of dbt-jobs-as-code."""
    deferral, completion = job.deferral, job.completion
    return {
        "name": job.title,
        "description": job.description,
        "environment_id": job.environment.id,
        "project_id": job.environment.project.id,
        "job_type": job.job_type,
        "execute_steps": list(job.commands),
        "arguments": [list(step) for step in job.steps],
        "settings": {"threads": job.threads, "target_name": job.target_name},
        "timeout_seconds": job.timeout_seconds,
        "dbt_version": job.dbt_version,
        "deferring_environment": deferral.environment
        if isinstance(deferral, DeferToEnvironment)
        else None,
        "deferring_job": deferral.job.partition("__")[2]
        if isinstance(deferral, DeferToJob)
        else None,
        "run_generate_sources": job.run_generate_sources,
        "generate_docs": job.generate_docs,
        "cron": list(job.cron),
        "timezone": job.timezone,
        "schedule": job.scheduled,
        "on_merge": job.on_merge,
        "webhook": job.on_pull_request,
        "draft": job.on_draft_pull_request,
        "completion": [
            (parent.job.partition("__")[2], list(parent.statuses))
            for parent in (completion.parents if completion else ())
            if isinstance(parent, JobParent)
        ],
        "run_lint": job.run_lint,
        "errors_on_lint_failure": job.errors_on_lint_failure,
        "run_compare_changes": job.run_compare_changes,
        "compare_changes_flags": shlex.join(job.compare_changes_flags),
        "cost_optimization_features": list(job.cost_optimization_features),
        "variables": dict(job.variables),
    }


def expected(job: JobDefinition, jobs: dict[str | None, JobDefinition]) -> dict[str, Any]:
    by_id = {other.id: other.identifier for other in jobs.values()} | {None: None}
    environments = {PRODUCTION: "production", STAGING: "staging", None: None}
    deferring_environment = environments[job.deferring_environment_id]
    own = job.identifier if job.self_deferring else None
    deferring_job = own or by_id.get(job.deferring_job_definition_id)
    condition = job.job_completion_trigger_condition
    assert job.schedule is not None
    # Theirs invents a yearly schedule where a CI or merge job has none; nothing starts by it.
    cron = [job.schedule.cron] if job.schedule.cron != "0 0 1 1 *" or condition else []
    assert job.dbt_version in _NO_VERSION
    return {
        "name": job.name,
        "description": job.description,
        "environment_id": job.environment_id,
        "project_id": job.project_id,
        "job_type": job.job_type,
        "execute_steps": job.execute_steps,
        "arguments": [shlex.split(step)[1:] for step in job.execute_steps],
        "settings": job.settings.model_dump(),
        "timeout_seconds": job.execution.timeout_seconds,
        "dbt_version": None,
        "deferring_environment": deferring_environment,
        "deferring_job": None if deferring_environment else deferring_job,
        "run_generate_sources": job.run_generate_sources,
        "generate_docs": job.generate_docs,
        "cron": cron,
        "timezone": "UTC",
        "schedule": bool(job.triggers.schedule),
        "on_merge": bool(job.triggers.on_merge),
        "webhook": job.triggers.github_webhook or bool(job.triggers.git_provider_webhook),
        "draft": job.triggers_on_draft_pr,
        "completion": [(by_id[condition.condition.job_id], list(condition.condition.statuses))]
        if condition
        else [],
        "run_lint": bool(job.run_lint),
        "errors_on_lint_failure": bool(job.errors_on_lint_failure),
        "run_compare_changes": job.run_compare_changes,
        "compare_changes_flags": job.compare_changes_flags,
        "cost_optimization_features": job.cost_optimization_features,
        "variables": {
            variable.name: variable.value
            for variable in job.custom_environment_variables
            if variable.value is not None
        },
    }


@pytest.mark.parametrize("pattern", EXPORTS)
def test_every_field_is_read_as_dbt_jobs_as_code_reads_it(pattern: str, tmp_path: Path) -> None:
    deployment, jobs = ours(pattern, tmp_path), theirs(pattern)
    read = {job.identifier: outline(job) for job in deployment.jobs.values()}
    assert read == {name: expected(job, jobs) for name, job in jobs.items()}
    assert jobs


def test_ids_of_jobs_and_account_are_kept(tmp_path: Path) -> None:
    deployment = ours("completion.yml", tmp_path)
    assert {job.identifier: job.id for job in deployment.jobs.values()} == {
        "parent": 5001,
        "child": 5002,
        "any_end": 5003,
    }
    assert deployment.account.id == 43791
    assert ours("export_2026.yml", tmp_path).jobs["production__daily"].id == 901


@pytest.mark.parametrize("with_ids", [True, False], ids=["--include-linked-id", "plain"])
def test_what_it_exports_loads_and_without_ids_only_references_to_jobs_are_off(
    with_ids: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain export was refused as a whole: it refers to jobs by ids that it does not have."""
    jobs = theirs("completion.yml")
    export_jobs_yml(list(jobs.values()), include_linked_id=with_ids)
    (tmp_path / "exported.yml").write_text(capsys.readouterr().out, encoding="utf-8")
    found = ours(str(tmp_path / "exported.yml"), tmp_path)
    read = {job.title: job for job in found.jobs.values()}
    assert {title: outline(job)["arguments"] for title, job in read.items()} == {
        job.name: [shlex.split(step)[1:] for step in job.execute_steps] for job in jobs.values()
    }
    off = {title: [each.part for each in job.off] for title, job in read.items()}
    none, child, after = off.values()
    if with_ids:
        assert (found.warnings, none, child, after) == ((), [], [], [])
        assert read["Child"].deferral == DeferToJob(read["Parent"].name)
    else:
        assert (none, child, after) == ([], ["deferral", "trigger"], ["trigger"])

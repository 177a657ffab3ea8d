from pathlib import Path

import deploy_project.example
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import DeferToEnvironment

CONFIG = Path(deploy_project.example.__file__).parent / "deploy.yaml"


def test_the_jobs_start_when_they_should(tmp_path: Path):
    deployment = load_deployment(CONFIG, state=tmp_path)
    starts = {
        name: (job.commands, job.cron, job.timezone, job.scheduled, job.on_merge)
        for name, job in deployment.jobs.items()
    }
    hourly = ("dbt run --select tag:hourly", "dbt test --select tag:hourly")
    assert starts == {
        "production__daily": (("dbt build",), ("0 6 * * *",), "UTC", True, False),
        "production__hourly": (hourly, ("0 * * * 1-5",), "Europe/Berlin", True, False),
        "production__on_merge": (("dbt build --select state:modified+",), (), "UTC", False, True),
        "production__checks": (("dbt build --select state:modified+",), (), "UTC", False, False),
        "production__docs": (("dbt compile",), ("30 5 * * 1",), "UTC", True, False),
        "staging__staging_build": (("dbt build",), ("0 3 * * *",), "UTC", True, True),
    }
    assert deployment.jobs["production__on_merge"].deferral == DeferToEnvironment("production")
    checks = deployment.jobs["production__checks"]
    assert (checks.on_pull_request, checks.deferral) == (True, DeferToEnvironment("production"))
    assert [name for name, job in deployment.jobs.items() if job.on_pull_request] == [checks.name]
    with_docs = [name for name, job in deployment.jobs.items() if job.generate_docs]
    assert with_docs == ["production__daily", "production__docs"]
    with_freshness = [name for name, job in deployment.jobs.items() if job.run_generate_sources]
    assert with_freshness == with_docs


def test_the_environments_deploy_the_remote_that_the_example_makes(tmp_path: Path):
    deployment = load_deployment(CONFIG, state=tmp_path)
    found = {
        name: (each.id, each.type, each.ref, each.target, dict(each.variables))
        for name, each in deployment.environments.items()
    }
    europe = {"DBT_REGION": "Europe"}
    assert found == {
        "production": (101, "production", "refs/heads/main", "production", {}),
        "staging": (102, "staging", "refs/heads/staging", "staging", europe),
    }
    project = deployment.projects["shop"]
    assert project.repository == str(tmp_path / "example" / "shop.git")
    assert project.pull_requests.refs == "refs/heads/pr/*"
    assert project.variables == {"DBT_REGION": "all"}

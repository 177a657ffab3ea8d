"""One run of a job with everything, as `dagster job execute` runs it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.shop import PROJECT, RAW
from tests.support.deployments.site import Result, Site, make_site

DEPLOY = """
    account: {id: 7, name: Shop}
    projects:
      shop:
        id: 11
        repository: REMOTE
        variables: {DBT_V1: project, DBT_V2: project, DBT_V3: project}
    environments:
      prod:
        id: 13
        type: production
        branch: main
        target: prod
        variables: {DBT_V2: environment, DBT_V3: environment}
"""
JOBS = """
    jobs:
      daily:
        id: 17
        environment: prod
        execute_steps: [dbt seed, dbt run, dbt test]
        run_generate_sources: true
        generate_docs: true
        settings: {threads: 3, target_name: live}
        custom_environment_variables: [{DBT_V3: job}]
      hourly:
        id: 18
        environment: prod
        execute_steps: ["dbt run --select tag:nothing_has_it", dbt build --select orders]
"""
STEPS = {
    "01-clone-git-repository": "Clone git repository",
    "02-create-profile": "Create profile from connection prod",
    "03-dbt-deps": "Invoke dbt with `dbt deps`",
    "04-source-freshness": "Invoke dbt with `dbt source freshness`",
    "05-dbt-seed": "Invoke dbt with `dbt seed`",
    "06-dbt-run": "Invoke dbt with `dbt run`",
    "07-dbt-test": "Invoke dbt with `dbt test`",
    "08-generate-docs": "Invoke dbt with `dbt docs generate`",
}


@dataclass(frozen=True)
class DailyRun:
    """One run of the job `daily`, as `dagster job execute` runs it."""

    site: Site
    result: Result
    commit: str

    @property
    def run_id(self) -> str:
        return self.result.run_id

    def json(self, step: str, name: str) -> Any:
        return json.loads((self.site.directory(self.run_id, step) / "target" / name).read_bytes())


def run_daily(directory: Path) -> DailyRun:
    """Make a deployment in `directory` and run its job `daily`."""
    site = make_site(directory, PROJECT)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    site.change(RAW.format(age="1 hour"))
    commit = site.git("rev-parse", "HEAD")
    return DailyRun(
        site, site.execute("prod__daily", DBT_V0="the shell's", DBT_V1="the shell's"), commit
    )

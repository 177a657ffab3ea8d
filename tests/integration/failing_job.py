"""A job that fails in its second command, and what its retries are compared with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.deployments.site import DEPLOY, PROJECT, Result, Site, make_site
from tests.support.history.retries import whole_plan

BROKEN = "{{ config(materialized='incremental') }} select nothing from nowhere"
MENDED = """
    {{ config(materialized='incremental') }}
    select 1 as id, {{ var('amount') }} as amount, {{ flags.FULL_REFRESH }} as afresh
"""
LOGGED = "{{ config(materialized='table', post_hook=\"insert into built values ('NAME')\") }}"
FILES = {
    **PROJECT,
    "models/first.sql": LOGGED.replace("NAME", "first") + " select 1 as id",
    "models/beside.sql": LOGGED.replace("NAME", "beside") + " select 1 as id",
    "models/orders.sql": BROKEN,
    "models/gone.sql": "select * from {{ ref('orders') }}",
    "models/last.sql": "select 1 as id",
    "models/schema.yml": """
        models:
          - name: orders
            columns: [{name: id, data_tests: [not_null]}]
    """,
}
MEND = {
    "models/orders.sql": MENDED,
    "models/revenue.sql": "select sum(amount) as revenue from {{ ref('mapped') }}",
    "models/mapped.sql": "select * from {{ ref('orders') }}",
    "models/gone.sql": None,
}
JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps:
          - dbt run --select first
          - "dbt build --exclude first last --full-refresh --vars '{amount: 7}'"
          - dbt run --select last
"""


@dataclass(frozen=True)
class RetriedRun:
    """One run of a job on the site that all tests here share."""

    site: Site
    result: Result

    @property
    def run_id(self) -> str:
        return self.result.run_id

    @property
    def commit(self) -> str:
        return self.site.record(self.run_id)["commit"]

    def statuses(self) -> list[str]:
        return [status for _, status in self.site.statuses(self.run_id)]

    def results(self, step: str = "05-dbt-build") -> dict[str, str]:
        """What dbt says of each node that the step's command took up, by its name."""
        return {
            each["unique_id"].split(".")[2]: each["status"] for each in self.raw(step)["results"]
        }

    def raw(self, step: str = "05-dbt-build") -> Any:
        file = self.site.directory(self.run_id, step) / "target" / "run_results.json"
        return json.loads(file.read_bytes())

    def console(self, step: str = "05-dbt-build") -> str:
        return self.site.console(self.run_id, step)


def prepared(directory: Path, deploy: str = DEPLOY, *, dbt: Path | None = None) -> Site:
    """Return a deployment of that job; `dbt` holds isolated dbts."""
    made = make_site(directory, FILES)
    made.configure(jobs=JOBS, deploy=deploy)
    made.state.root.mkdir()
    if dbt is not None:
        (made.state.root / "dbt").symlink_to(dbt)
    made.change("create table built (name text)")
    return made


def failing(site: Site) -> RetriedRun:
    """Run the job, which fails."""
    done = RetriedRun(site, site.run("prod__daily"))
    assert done.statuses()[3:] == ["Success", "Error", "Skipped"]
    return done


def narrowed_to(site: Site, parent: str, selection: str) -> RetriedRun:
    """Resume a run with all steps planned, for some of the models only."""
    return RetriedRun(site, site.run("prod__daily", whole_plan(parent, retry_select=selection)))

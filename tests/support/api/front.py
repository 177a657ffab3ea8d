"""A front over real HTTP that follows its files, and a program that calls it."""

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.tokens import digest
from tests.support.api import callers
from tests.support.servers.serving import served

DEPLOY = f"""
    account: {{id: 3, name: Acme}}
    projects:
      shop:
        id: 7
        repository: https://github.com/acme/shop.git
        variables: {{DBT_REGION: eu, DBT_ENV_SECRET_KEY: {{env: KEY}}}}
    environments:
      production: {{id: 11, type: production, variables: {{DBT_REGION: us}}}}
      staging: {{id: 12, type: staging}}
    dagster_url: http://127.0.0.1:9
    tokens:
      admin: {{sha256: {digest(callers.secret("admin"))}, permissions: [account_admin]}}
      runner: {{sha256: {digest(callers.secret("runner"))}, permissions: [job_runner]}}
      creator: {{sha256: {digest(callers.secret("creator"))}, permissions: [job_creator]}}
      staging:
        sha256: {digest(callers.secret("staging"))}
        permissions: [job_creator]
        environments: [staging]
"""
JOBS = """
    jobs:
      daily:
        id: 5
        environment: production
        execute_steps: [dbt build]
        custom_environment_variables: [{DBT_MODE: full}]
"""


@dataclass(frozen=True)
class Caller:
    """A program that calls a front."""

    address: str
    state: StateDirectory

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str = "admin",
        version: str = "v2",
        **headers: str,
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer; `path` is below the account."""
        answer = callers.Caller(self.address, token).call(
            method, f"/api/{version}/accounts/3/{path}", body, **headers
        )
        return answer.status, answer.json if answer.text else None

    def at_once(self, calls: Sequence[tuple[str, str, Any]]) -> list[tuple[int, Any]]:
        """The answers to calls that are made at the same time."""
        with ThreadPoolExecutor(len(calls)) as pool:
            waiting = [pool.submit(self.call, *each) for each in calls]
            return [each.result() for each in waiting]


@contextmanager
def caller_of(root: Path, *, deploy: str = DEPLOY, jobs: str = JOBS) -> Generator[Caller]:
    """Serve a deployment with these files meanwhile, which no Dagster runs."""
    (root / "deploy.yaml").write_text(dedent(deploy), encoding="utf-8")
    (root / "jobs.yml").write_text(dedent(jobs), encoding="utf-8")
    state = StateDirectory(root / ".deploy")
    state.prepare()

    def load():
        return load_deployment(root / "deploy.yaml", state=state.root)

    with served(load(), state, load=load) as address:
        yield Caller(address, state)

"""A deployment as docs/deploy has it, whose runs other machines execute: processes of this one."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from tests.deploy import variants
from tests.deploy.containers import Container, Host
from tests.deploy.docker_engine import engine
from tests.deploy.kubernetes_cluster import cluster
from tests.support.deployments.dagster_jobs import ORIGIN
from tests.support.deployments.site import ENDLESS, PROJECT, Site

IMAGE = "registry.example.com/deploy-project:1"
SECRET = "pl4nted-secret"
PASSWORD = "lant3rn-of-dagster"
DEPLOY_FILE = """
    projects:
      tiny:
        repository: REMOTE
        variables: {DBT_TOLD: {env: PLANTED}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build --exclude endless]}
      endless: {environment: prod, execute_steps: [dbt build --select endless]}
"""
FILES = {
    **PROJECT,
    "models/told.sql": "select length('{{ env_var(\"DBT_TOLD\") }}') as characters",
    "models/endless.sql": ENDLESS,
}


@dataclass(frozen=True)
class Elsewhere:
    """A deployment whose runs are executed in containers of `host`."""

    site: Site
    host: Host
    context: Mapping[str, Any]
    """What the code server says about the containers of its runs."""

    def launched(self, job: str, instance: dg.DagsterInstance) -> tuple[dg.DagsterRun, Container]:
        """Have the launcher of `instance` start a run of `job`, as the daemon does."""
        run = self.created(job, instance)
        before = set(self.host.containers)
        instance.launch_run(run.run_id, cast(Any, None))
        (name,) = set(self.host.containers) - before
        return run, self.host.containers[name]

    def created(self, job: str, instance: dg.DagsterInstance) -> dg.DagsterRun:
        """Create a run as the queue does, with the origin that the code server gives."""
        with self.site.working_directory():
            return instance.create_run_for_job(
                self.site.definitions().resolve_job_def(job),
                tags={".dagster/deploy_job": job},
                status=dg.DagsterRunStatus.NOT_STARTED,
                remote_job_origin=cast(Any, ORIGIN),
                job_code_origin=JobPythonOrigin(
                    job,
                    RepositoryPythonOrigin(
                        "python",
                        ModuleCodePointer("deploy_project.definitions", "defs"),
                        container_image=IMAGE,
                        container_context=self.context,
                        entry_point=["dagster"],
                    ),
                ),
            )


def configured(site: Site, found: dict[str, Any]) -> None:
    (site.root / "dagster.yaml").write_text(json.dumps(found), encoding="utf-8")


@contextmanager
def in_docker(site: Site, host: Host, patch: pytest.MonkeyPatch) -> Generator[Elsewhere]:
    found = variants.docker()
    found["run_launcher"]["config"]["env_vars"].append("PLANTED")
    configured(site, found)
    with engine(host) as address:
        patch.setenv("DOCKER_HOST", address)
        yield Elsewhere(site, host, {})


@contextmanager
def in_kubernetes(site: Site, host: Host, database: Mapping[str, str]) -> Generator[Elsewhere]:
    values = variants.kubernetes_values()
    values["postgresql"]["service"]["port"] = int(database["DAGSTER_PG_PORT"])
    values["postgresql"]["postgresqlHost"] = "127.0.0.1"
    found = variants.kubernetes(values)
    for each in ("compute_logs", "local_artifact_storage"):
        found[each]["config"]["base_dir"] = found[each]["config"]["base_dir"].removeprefix("/srv/")
    found["run_launcher"]["config"]["dagster_home"] = str(site.root)
    secrets = {
        "deploy-secrets": {"PLANTED": SECRET},
        "deploy-postgres": {"postgresql-password": PASSWORD},
        "dagster-dagster-user-deployments-code-user-env": {},
    }
    with cluster(host, secrets) as address:
        file = site.root / "kubeconfig"
        file.write_text(json.dumps(kubeconfig(address)), encoding="utf-8")
        outside = {"load_incluster_config": False, "kubeconfig_file": str(file)}
        found["run_launcher"]["config"].update(outside)
        configured(site, found)
        yield Elsewhere(site, host, variants.container_context(values))


def kubeconfig(address: str) -> dict[str, Any]:
    named = {"name": "test"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{**named, "cluster": {"server": address}}],
        "users": [{**named, "user": {}}],
        "contexts": [{**named, "context": {"cluster": "test", "user": "test"}}],
    }

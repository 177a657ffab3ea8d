"""A deployment as docs/deploy has it, whose runs other machines execute: processes of this one."""

from collections.abc import Generator, Mapping

import pytest

from tests.deploy.container_runs import (
    DEPLOY_FILE,
    FILES,
    JOBS,
    PASSWORD,
    SECRET,
    Elsewhere,
    in_docker,
    in_kubernetes,
)
from tests.deploy.containers import Host
from tests.support.deployments.site import make_site
from tests.support.servers.postgres_server import running

NAMES = ("DAGSTER_PG_HOST", "DAGSTER_PG_PORT", "DAGSTER_PG_USER", "DAGSTER_PG_DB")


@pytest.fixture(scope="session")
def database() -> Generator[Mapping[str, str]]:
    """A database for Dagster, with the variables that name it."""
    with running() as server:
        server.execute(f"create role dagster login password '{PASSWORD}'")
        server.execute("create database dagster owner dagster")
        values = ("127.0.0.1", str(server.port), "dagster", "dagster")
        yield {**dict(zip(NAMES, values, strict=True)), "DAGSTER_PG_PASSWORD": PASSWORD}


@pytest.fixture(scope="module", params=["docker", "kubernetes"])
def elsewhere(
    request: pytest.FixtureRequest,
    database: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Elsewhere]:
    site = make_site(tmp_path_factory.mktemp(request.param), FILES)
    site.configure(jobs=JOBS, deploy=DEPLOY_FILE)
    host = Host(site.root, tmp_path_factory.mktemp("logs"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**database, "PLANTED": SECRET}.items():
            patch.setenv(name, value)
        way = (
            in_docker(site, host, patch)
            if request.param == "docker"
            else in_kubernetes(site, host, database)
        )
        try:
            with way as found:
                yield found
        finally:
            host.end()

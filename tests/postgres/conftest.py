"""Deployments whose history, warehouse, or both, are in a real Postgres."""

from collections.abc import Generator

import pytest

from tests.postgres.history import HISTORY_PASSWORD
from tests.postgres.shop import PASSWORDS, Shop, run_shop
from tests.support.servers.postgres_server import Server, running
from tests.support.servers.s3 import store

__all__ = ["store"]


@pytest.fixture(scope="session")
def server() -> Generator[Server]:
    with running() as made:
        yield made


@pytest.fixture(scope="package")
def history(server: Server) -> Generator[str]:
    """The database that Dagster's instance is in, with the variables that dagster.yaml names."""
    server.execute(f"create role dagster login password '{HISTORY_PASSWORD}'")
    server.execute("create database history owner dagster")
    server.execute("alter role dagster set timezone = 'Asia/Kolkata'")  # as many servers have one
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_PG_HOST", "127.0.0.1")
        patch.setenv("DAGSTER_PG_PORT", str(server.port))
        patch.setenv("DAGSTER_PG_USER", "dagster")
        patch.setenv("DAGSTER_PG_PASSWORD", HISTORY_PASSWORD)
        patch.setenv("DAGSTER_PG_DB", "history")
        yield "history"


@pytest.fixture(scope="package")
def shop(server: Server, history: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        for role, password in PASSWORDS.items():
            patch.setenv(f"{role.upper()}_PASSWORD", password)
        yield run_shop(tmp_path_factory.mktemp("shop"), server)

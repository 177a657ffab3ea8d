"""Deployments whose history, warehouse, or both, are in a real Postgres."""

import re
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import ROOT, Site, make_site
from tests.postgres import server as servers
from tests.postgres.server import Server

if TYPE_CHECKING:
    from tests.postgres.shop import Shop

HISTORY_PASSWORD = "lant3rn-of-dagster"


@pytest.fixture(scope="session")
def server() -> Generator[Server]:
    with servers.running() as running:
        yield running


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
def shop(
    server: Server, history: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator["Shop"]:
    from tests.postgres.shop import PASSWORDS, run_shop

    with pytest.MonkeyPatch.context() as patch:
        for role, password in PASSWORDS.items():
            patch.setenv(f"{role.upper()}_PASSWORD", password)
        yield run_shop(tmp_path_factory.mktemp("shop"), server)


def documented_storage() -> str:
    """The block of dagster.yaml in docs/configuration.md."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(storage:\n.*?)```", text, re.DOTALL)
    return block


def make_site_on_postgres(directory: Path, project: Mapping[str, str]) -> Site:
    """Return a site with Dagster's history in Postgres, as the documentation says."""
    site = make_site(directory, project)
    file = site.root / "dagster.yaml"
    before = file.read_text(encoding="utf-8")
    after = re.sub(r"^storage:\n(?:  .*\n)+", documented_storage(), before, flags=re.MULTILINE)
    assert after != before
    file.write_text(after, encoding="utf-8")
    return site

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project, Secret
from tests.support.deployments.git_repositories import Repository, create, project
from tests.support.servers.git_server import GitServer, serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a real repository; the rest is pure."""
    for item in items:
        ours = item.path.parent == Path(__file__).parent
        if ours and isinstance(item, pytest.Function) and "remote" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def user_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user with an empty git configuration, whose git talks to nobody outside."""
    home = tmp_path / "home"
    home.mkdir()
    config = home / ".gitconfig"
    config.touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return config


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return create(tmp_path / "remote")


@pytest.fixture
def server(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, request: pytest.FixtureRequest
) -> Generator[GitServer]:
    """A server of `remote` and its neighbours, behind the `TOKEN` of the test's module."""
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
    monkeypatch.setenv("SHOP_TOKEN", request.module.TOKEN)
    with serve(remote.path.parent, request.module.TOKEN) as running:
        yield running


@pytest.fixture
def shop(server: GitServer) -> Project:
    """The project that is served, with its token."""
    return replace(project(server.url("remote/.git")), token=Secret(env="SHOP_TOKEN"))


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")

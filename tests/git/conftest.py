from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from tests.support.git_repositories import Repository, create


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
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")

from collections.abc import Generator

import pytest

from deploy_project.config.values.deployment import HostingKind
from tests.support.deployments.hosting_site import TOKEN, HostingSite, serve

KINDS: tuple[HostingKind, ...] = ("github", "gitlab", "gitea")


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTING_TOKEN", TOKEN)


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest) -> Generator[HostingSite, None, None]:
    """A hosting site of each kind."""
    with serve(request.param) as found:
        yield found


@pytest.fixture
def github() -> Generator[HostingSite, None, None]:
    with serve("github") as found:
        yield found


@pytest.fixture
def gitlab() -> Generator[HostingSite, None, None]:
    with serve("gitlab") as found:
        yield found


@pytest.fixture
def gitea() -> Generator[HostingSite, None, None]:
    with serve("gitea") as found:
        yield found

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy_project.api.http.hosts import is_loopback
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from tests.support.api.callers import Caller
from tests.support.servers.serving import served


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("app.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil-localhost", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool):
    assert is_loopback(host) is expected


def deployment(root: Path) -> Deployment:
    return Deployment(
        root / "deploy.yaml", Account(1, "Acme"), {}, {}, {}, docs_url="https://dbt.example.com/x"
    )


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(deployment(tmp_path), StateDirectory(tmp_path / "state")) as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/health", "/api/v2/accounts/1/runs/1", "/docs/prod/"])
def test_a_page_of_the_internet_does_not_reach_loopback_by_a_name(address: str, path: str):
    """DNS rebinding: the page's own name points here, so that its browser lets it read answers."""
    for host in ("evil.example", "evil.example:3001", "10.0.0.7", "[::2]", "evil]", "::"):
        answer = Caller(address).call("GET", path, Host=host)
        assert answer.status == 421, host
        assert "--behind-proxy" in answer.message
    for host in ("localhost", "127.0.0.1:3001", "[::1]:3001", "dbt.example.com", "DBT.example.com"):
        assert Caller(address).call("GET", path, Host=host).status in (200, 401, 404), host


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_of_the_internet_does_not_send_forms_to_loopback(address: str, method: str):
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "http://["):
        answer = Caller(address).call(method, "/health", Origin=origin)
        assert answer.status == 403, origin
        assert "access-control-allow-origin" not in answer.headers
    for origin in ("http://localhost:3000", "http://127.0.0.1", "https://dbt.example.com"):
        assert Caller(address).call(method, "/health", Origin=origin).status in (200, 405), origin


def test_behind_a_proxy_any_host_is_meant(tmp_path: Path):
    state = StateDirectory(tmp_path / "state")
    with served(deployment(tmp_path), state, behind_proxy=True) as address:
        caller = Caller(address)
        given = {"Host": "dbt.example.org", "Origin": "https://dbt.example.org"}
        assert caller.call("GET", "/health", **given).status == 200


def test_a_proxy_may_pass_on_its_prefix(tmp_path: Path):
    state = StateDirectory(tmp_path / "state")
    with served(deployment(tmp_path), state, behind_proxy=True) as address:
        caller = Caller(address)
        given = {"X-Forwarded-Prefix": "/dbt"}
        for path in ("/dbt/health", "/health", "/dbt/"):
            assert caller.call("GET", path, **given).status == 200, path
        assert caller.call("GET", "/dbt/api/v2/accounts/1/runs/1", **given).status == 401
        assert caller.call("GET", "/dbtx/health", **given).status == 404
        assert caller.call("GET", "/dbt/health").status == 404
        assert caller.call("GET", "/health", **{"X-Forwarded-Prefix": "/"}).status == 200
    with served(deployment(tmp_path), state) as address:
        assert Caller(address).call("GET", "/dbt/health", **given).status == 404

"""Certificates of a private authority, and the https of a front that is served with one."""

import ssl
import stat
import urllib.request
from pathlib import Path

import pytest
import requests

from deploy_project.api.server import Certificate
from deploy_project.cli import main
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from tests.support.servers.serving import served


def test_clients_that_trust_the_authority_reach_the_front(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    place = here / "tls"
    assert main(["certificate", "localhost", "127.0.0.1", "--directory", str(place)]) == 0
    told = capsys.readouterr().out
    assert "--certificate tls/server.pem --key tls/server.key" in told
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        assert variable in told
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in place.iterdir()}
    assert modes.keys() == {"authority.key", "authority.pem", "server.key", "server.pem"}
    assert (modes["authority.key"], modes["server.key"]) == (0o600, 0o600)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700

    deployment = Deployment(here / "deploy.yaml", Account(1, "Acme"), {}, {}, {})
    files = Certificate(place / "server.pem", place / "server.key")
    with served(deployment, StateDirectory(here / "state"), certificate=files) as address:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place / "authority.pem"))
        assert requests.get(f"{address}/health", timeout=60).json() == {"alive": True}
        by_name = address.replace("127.0.0.1", "localhost")
        assert requests.get(f"{by_name}/health", timeout=60).ok
        monkeypatch.setenv("SSL_CERT_FILE", str(place / "authority.pem"))
        with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
            assert answer.status == 200
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{address}/health", timeout=60)


def test_the_next_certificate_needs_no_new_trust(here: Path):
    place = here / ".deploy" / "certificates"
    assert main(["certificate", "a.example"]) == 0
    authority, first = (place / "authority.pem").read_bytes(), (place / "server.pem").read_bytes()
    assert main(["certificate", "b.example"]) == 0
    assert (place / "authority.pem").read_bytes() == authority
    assert (place / "server.pem").read_bytes() != first
    context = ssl.create_default_context(cafile=str(place / "authority.pem"))
    (known,) = context.get_ca_certs()
    assert "deploy_project" in str(known)

"""Posts to addresses that were resolved once: private ones are refused, whatever names them."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from deploy_project.errors import DeliveryError
from deploy_project.notify.transports import pinned
from deploy_project.notify.transports.pinned import AddressError, is_public, post
from tests.support.servers.raw_servers import CHUNKS, GZIP, HEAD, HELLO, SHORT, dripping, raw_server
from tests.support.servers.receivers import Receiver, Request, receiver

ALLOWED = frozenset({"127.0.0.1", "hooks.internal"})


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "2002:a00:1::", "2001:db8::1"),
        *("fec0::1", "feff::1", "5f00::1", "4000::1", "64:ff9b:1::808:808", "::8.8.8.8"),
    ],
)
def test_private_addresses(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address: str):
    assert is_public(address)


@pytest.fixture
def served() -> Iterator[Receiver]:
    with receiver(lambda _: (200, {}, b"thanks")) as found:
        yield found


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]"]
)
def test_loopback_is_refused_however_it_is_written(served: Receiver, host: str):
    port = served.url.rpartition(":")[2]
    with pytest.raises(AddressError) as raised:
        post(f"http://{host}:{port}/", b"{}", {})
    assert str(raised.value) == pinned.REFUSED
    assert served.requests == []


def test_a_name_that_is_none_is_refused_in_the_same_words():
    with pytest.raises(AddressError) as raised:
        post("http://no-such-name.invalid/", b"{}", {})
    assert str(raised.value) == pinned.REFUSED


def test_a_machine_is_allowed_by_its_name(served: Receiver):
    found = post(f"{served.url}/a?b=c", b"{}", {"X-A": "b"}, allowed=ALLOWED)
    assert (found.status, found.body) == (200, "thanks")
    [request] = served.requests
    assert (request.path, request.body, request.headers["x-a"]) == ("/a?b=c", b"{}", "b")
    assert request.headers["host"] == served.url.removeprefix("http://")


def test_a_name_is_resolved_once(served: Receiver, monkeypatch: pytest.MonkeyPatch):
    """A name that is public when it is checked, and private when it is connected, gets nothing."""
    asked: list[str] = []
    port = int(served.url.rpartition(":")[2])
    answers = iter(["93.184.216.34", "127.0.0.1"])
    connected: list[tuple[str, int]] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: tuple[str, int], *_: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(DeliveryError, match="can't be reached"):
        post(f"http://rebound.example:{port}/", b"{}", {})
    assert asked == ["rebound.example"]
    assert connected == [("93.184.216.34", port)]


def test_one_private_address_among_others_is_enough(monkeypatch: pytest.MonkeyPatch):
    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80))
            for each in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AddressError):
        post("http://both.example/", b"{}", {})


def test_no_proxy_is_asked(served: Receiver, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(f"{served.url}/", b"{}", {}, allowed=ALLOWED).status == 200


def test_no_redirect_is_followed():
    with receiver(lambda _: (302, {"Location": "http://127.0.0.1:1/"}, b"")) as served:
        assert post(f"{served.url}/", b"{}", {}, allowed=ALLOWED).status == 302
        assert len(served.requests) == 1


def test_an_answer_says_how_long_to_wait():
    with receiver(lambda _: (429, {"Retry-After": "120"}, b"slow down")) as served:
        found = post(f"{served.url}/", b"{}", {}, allowed=ALLOWED)
    assert (found.status, found.body, found.wait_seconds) == (429, "slow down", 120.0)


def test_a_receiver_that_is_slow_is_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pinned, "TIMEOUT", 0.5)

    def slow(_: Request) -> Any:
        time.sleep(1.5)
        return 200, {}, b""

    with receiver(slow) as served, pytest.raises(DeliveryError, match="has not answered within"):
        post(f"{served.url}/", b"{}", {}, allowed=ALLOWED)


@pytest.mark.parametrize(("scheme", "content"), [("http", HEAD), ("https", HELLO)])
def test_a_receiver_that_drips_is_left(
    monkeypatch: pytest.MonkeyPatch, scheme: str, content: bytes
):
    """The socket below an unfinished handshake of TLS was out of reach, and not cut."""
    monkeypatch.setattr(pinned, "TIMEOUT", 0.5)
    parts = dripping(content)
    with raw_server(*parts, pause=0.1) as found:
        with pytest.raises(DeliveryError, match="has not answered within"):
            post(f"{scheme}://{found.address}/", b"{}", {}, allowed=ALLOWED)
        assert found.sent < len(parts)


@pytest.mark.parametrize("answer", [SHORT, CHUNKS, GZIP])
def test_a_delivery_is_one_whatever_its_body(answer: bytes):
    with raw_server(answer) as found:
        assert post(f"http://{found.address}/", b"{}", {}, allowed=ALLOWED).status == 200


def test_a_pause_may_be_a_date():
    until = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)
    with receiver(lambda _: (429, {"Retry-After": until}, b"")) as served:
        found = post(f"{served.url}/", b"{}", {}, allowed=ALLOWED)
    assert 0 < found.wait_seconds <= 1800


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "nothing", "http://[", "http://a:b/"])
def test_what_is_no_web_address_is_told(url: str):
    with pytest.raises(DeliveryError, match="no web address"):
        post(url, b"{}", {})

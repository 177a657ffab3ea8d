"""The HTTP client for webhooks: a name is resolved once, and the connection goes to that address.

So nobody can have a name checked at one address and connected at another. No proxy, no redirect.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from deploy_project.errors import DeliveryError

TIMEOUT = 10.0
"""Seconds for all of a request, as on dbt Cloud (WH-4)."""
LARGEST = 1 << 14
"""So many bytes of an answer are kept."""
REFUSED = "its address is not one that webhooks may go to"
"""Said of a private address and of a name that is none: which of both tells of a network."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LONGEST_WAIT = 3600.0
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Answer:
    """The answer of a receiver, of any status."""

    status: int
    body: str
    wait_seconds: float = 0.0
    """By its header Retry-After."""


class AddressError(DeliveryError):
    """The address is one that webhooks must not go to; nobody was asked."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: Collection[str] = ()
) -> Answer:
    """Return the answer to a POST.

    `allowed` are the names of machines that may have private addresses. Raises `AddressError` for
    any other private address, and `DeliveryError` without an answer in ten seconds.
    """
    parts, host, port = _split(url)
    addresses = _resolved(host, port)
    if host.rstrip(".") not in allowed and not all(is_public(each) for each in addresses):
        raise AddressError(REFUSED)
    connection = _Connection(host, port, addresses, is_secure=parts.scheme == "https")
    # Each read may take the whole time, so a timer ends a receiver that sends byte by byte.
    timer = threading.Timer(TIMEOUT, connection.end)
    timer.daemon = True
    timer.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        content = answer.read(LARGEST)
        return Answer(answer.status, content.decode("utf-8", "replace"), _waits(answer))
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.is_over or isinstance(error, TimeoutError):
            raise DeliveryError(f"it has not answered within {TIMEOUT:.0f} seconds") from None
        raise DeliveryError(f"it can't be reached ({type(error).__name__})") from None
    finally:
        timer.cancel()
        connection.close()


def is_public(address: str) -> bool:
    """Whether an address is one of the internet, also where it stands for another one."""
    found: _Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found.teredo is not None:
            inner = found.teredo[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and not found.is_reserved


def _split(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise DeliveryError("its address is no web address; begin it with https://") from None
    if parts.scheme not in ("http", "https") or not host:
        raise DeliveryError("its address is no web address; begin it with https://")
    return parts, host, port or (443 if parts.scheme == "https" else 80)


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressError(REFUSED) from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _waits(answer: http.client.HTTPResponse) -> float:
    text = answer.getheader("Retry-After") or ""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return min(float(text), _LONGEST_WAIT) if is_number else 0.0


class _Connection(http.client.HTTPConnection):
    """A connection to addresses that are known, under the name that the certificate is for."""

    def __init__(self, host: str, port: int, addresses: list[str], *, is_secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self.default_port = 443 if is_secure else 80  # left out of the header Host
        self._addresses, self._is_secure = addresses, is_secure
        self._opened: socket.socket | None = None
        self.is_over = False
        """Whether its time was up."""

    def connect(self) -> None:
        """Connect to the first of the addresses that answers."""
        error: OSError = OSError("no address")
        for each in self._addresses:
            try:
                self._opened = socket.create_connection((each, self.port), TIMEOUT)
                break
            except OSError as failed:
                error = failed
            if self.is_over:
                break
        if self._opened is None:
            raise error
        if self._is_secure:
            context = ssl.create_default_context()
            self._opened = context.wrap_socket(self._opened, server_hostname=self.host)
        self.sock = self._opened

    def end(self) -> None:
        """End it, also in the middle of an answer."""
        self.is_over = True
        opened = self._opened
        if opened is not None:
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                opened.close()

"""The HTTP client for webhooks: a name is resolved once, and the connection goes to that address.

So nobody can have a name checked at one address and connected at another. No proxy, no redirect.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from deploy_project.errors import DeliveryError
from deploy_project.notify.transports.deadline import Deadline
from deploy_project.notify.transports.retry_after import wait_seconds

TIMEOUT = 10.0
"""Seconds for all of a request, as on dbt Cloud (WH-4)."""
LARGEST = 1 << 14
"""So many bytes of an answer are kept."""
REFUSED = "its address is not one that webhooks may go to"
"""Said of a private address and of a name that is none: which of both tells of a network."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All addresses of the internet: https://www.iana.org/assignments/ipv6-address-space"""
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
    any other private address, and `DeliveryError` when no status comes in ten seconds; the body
    may end early.
    """
    parts, host, port = _split(url)
    addresses = _resolved(host, port)
    if host.rstrip(".") not in allowed and not all(is_public(each) for each in addresses):
        raise AddressError(REFUSED)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with Deadline(TIMEOUT) as deadline:
        connection = _Connection(
            host, port, addresses, is_secure=parts.scheme == "https", deadline=deadline
        )
        try:
            connection.request("POST", path, body, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            content = _content(answer).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError) as error:
            if deadline.is_over or isinstance(error, TimeoutError):
                raise DeliveryError(f"it has not answered within {TIMEOUT:.0f} seconds") from None
            raise DeliveryError(f"it can't be reached ({type(error).__name__})") from None
        finally:
            connection.close()
    waits = wait_seconds(answer.getheader("Retry-After"), now=datetime.now(UTC))
    return Answer(answer.status, content, waits)


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
        if found not in _UNICAST:
            return False
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


def _content(answer: http.client.HTTPResponse) -> bytes:
    """Return the beginning of a body, up to where it breaks: the status is known already."""
    try:
        return answer.read(LARGEST)
    except http.client.IncompleteRead as error:
        return error.partial[:LARGEST]
    except (OSError, http.client.HTTPException, ValueError):
        return b""


class _Connection(http.client.HTTPConnection):
    """A connection to addresses that are known, under the name that the certificate is for."""

    def __init__(
        self, host: str, port: int, addresses: list[str], *, is_secure: bool, deadline: Deadline
    ) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self.default_port = 443 if is_secure else 80  # left out of the header Host
        self._addresses, self._is_secure, self._deadline = addresses, is_secure, deadline

    def connect(self) -> None:
        """Connect to the first of the addresses that answers."""
        self.sock = self._deadline.connected(self._addresses, self.port)
        if self._is_secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

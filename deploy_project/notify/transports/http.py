"""The HTTP client for channels, and their only door to the network but for mail."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deploy_project.errors import DeliveryError
from deploy_project.notify.transports.deadline import Deadline
from deploy_project.notify.transports.retry_after import wait_seconds

if TYPE_CHECKING:
    import requests

TIMEOUT = 10.0
"""Seconds for all of a request, as on dbt Cloud (WH-4)."""
_LARGEST = 1 << 16
_CHUNK = 1 << 4
"""Less than so many bytes are lost before the place where a body breaks."""
_SAID = 200


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the beginning of the answer to a POST of JSON.

    Raises `DeliveryError`, which never shows the address, for it is often a secret: when there is
    no status within ten seconds, or none of 2xx. The body may end early. No redirect is followed.
    """
    import requests  # costs 0.15 s, which a process should not pay that tells nobody

    if urlsplit(url).scheme not in ("http", "https"):
        raise DeliveryError("its address is no web address; begin it with https://")
    sent = {"User-Agent": "deploy-project", "Content-Type": "application/json", **headers}
    with Deadline(TIMEOUT) as deadline, _session(deadline) as session:
        try:
            with session.post(
                url,
                data=body,
                headers=sent,
                timeout=TIMEOUT,
                allow_redirects=False,  # another place would get message and secret
                stream=True,
            ) as response:
                content = _content(response)
        except (requests.RequestException, ValueError) as error:  # ValueError: of the address
            if deadline.is_over or isinstance(error, requests.Timeout):
                raise DeliveryError(f"it has not answered within {TIMEOUT:.0f} seconds") from None
            raise DeliveryError(f"it can't be reached ({type(error).__name__})") from None
    if 200 <= response.status_code < 300:
        return content
    raise _refusal(response, content)


def _session(deadline: Deadline) -> "requests.Session":
    """Return a session with connections to servers and proxies that are cut at the deadline."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.connected(_addresses(self.host, self.port), self.port)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.connected(_addresses(self.host, self.port), self.port)

    class Adapter(HTTPAdapter):
        def get_connection_with_tls_context(self, *given: Any, **more: Any) -> Any:
            pool: Any = super().get_connection_with_tls_context(*given, **more)
            pool.ConnectionCls = Secure if pool.scheme == "https" else Plain
            return pool

    session = requests.Session()
    session.auth = _as_it_is
    session.mount("https://", Adapter())
    session.mount("http://", Adapter())
    return session


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _content(response: "requests.Response") -> bytes:
    """Return the beginning of a body, up to where it breaks: the status is known already."""
    import requests

    content = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > _LARGEST:
                break
    except requests.RequestException:
        pass
    return bytes(content)


def _refusal(response: "requests.Response", content: bytes) -> DeliveryError:
    said = content.decode("utf-8", "replace")
    said = " ".join("".join(each if each.isprintable() else " " for each in said).split())[:_SAID]
    code = response.status_code
    return DeliveryError(
        f"it answers HTTP {code}" + (f": {said}" if said else ""),
        is_refusal=300 <= code < 500 and code != 429,
        wait_seconds=wait_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC)),
    )


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Return the request unchanged: requests would take a login for the host from ~/.netrc."""
    return request

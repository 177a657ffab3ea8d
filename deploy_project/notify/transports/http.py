"""The HTTP client for channels, and their only door to the network but for mail."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy_project.errors import DeliveryError

if TYPE_CHECKING:
    import requests

TIMEOUT = 10.0
"""Seconds for all of a request, as on dbt Cloud (WH-4)."""
_LARGEST = 1 << 16
_CHUNK = 1 << 12
_LONGEST_WAIT = 3600.0
_SAID = 200


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the beginning of the answer to a POST of JSON.

    Raises `DeliveryError`, which never shows the address, for it is often a secret: when there is
    no answer within ten seconds, or none with status 2xx. No redirect is followed.
    """
    import requests  # costs 0.15 s, which a process should not pay that tells nobody

    if urlsplit(url).scheme not in ("http", "https"):
        raise DeliveryError("its address is no web address; begin it with https://")
    deadline = time.monotonic() + TIMEOUT
    session = requests.Session()
    session.auth = _as_it_is
    try:
        with session.post(
            url,
            data=body,
            headers={
                "User-Agent": "deploy-project",
                "Content-Type": "application/json",
                **headers,
            },
            timeout=TIMEOUT,
            allow_redirects=False,  # another place would get the message, and the secret with it
            stream=True,
        ) as response:
            content = _content(response, deadline)
            if 200 <= response.status_code < 300:
                return content
            raise _refusal(response, content)
    except requests.Timeout:
        raise DeliveryError(f"it has not answered within {TIMEOUT:.0f} seconds") from None
    except (requests.RequestException, ValueError) as error:  # ValueError: of the address
        raise DeliveryError(f"it can't be reached ({type(error).__name__})") from None


def _content(response: "requests.Response", deadline: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if time.monotonic() > deadline:
            raise DeliveryError(f"it has not answered within {TIMEOUT:.0f} seconds")
        if len(content) > _LARGEST:
            break
    return bytes(content)


def _refusal(response: "requests.Response", content: bytes) -> DeliveryError:
    said = content.decode("utf-8", "replace")
    said = " ".join("".join(each if each.isprintable() else " " for each in said).split())[:_SAID]
    waits = response.headers.get("Retry-After", "")
    seconds = float(waits) if waits.isdecimal() and waits.isascii() and len(waits) < 10 else 0.0
    code = response.status_code
    return DeliveryError(
        f"it answers HTTP {code}" + (f": {said}" if said else ""),
        is_refusal=300 <= code < 500 and code != 429,
        wait_seconds=min(seconds, _LONGEST_WAIT),
    )


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Return the request unchanged: requests would take a login for the host from ~/.netrc."""
    return request

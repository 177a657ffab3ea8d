"""The HTTP client for the APIs of hosting sites, and the only door to them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr

from deploy_project.errors import RemoteError
from deploy_project.git.hosts.refusals import WAIT, Refusal, pause, problem

if TYPE_CHECKING:
    import requests

_TIMEOUT = 20  # seconds, to connect and between two parts of an answer
_ALTOGETHER = 45  # seconds; a sensor tick ends after 60
_LARGEST = 64 << 20
_CHUNK = 1 << 16
_HOPS = 3
_MOVED = (301, 302, 303, 307, 308)
_NO_JSON = object()


@dataclass(frozen=True)
class Response:
    """A successful answer of the API; refusals are raised."""

    status: int
    headers: Mapping[str, str]
    """By name, in upper or lower case."""
    data: Any = None
    """The JSON; None when there is none."""


class Api:
    """The API of one project's hosting, for the requests of half a minute.

    All methods raise `RemoteError` when it can't be asked, or refuses.
    """

    _pauses: dict[int, float] = {}  # noqa: RUF012 - one for the process: limits count per token

    def __init__(
        self,
        name: str,
        *,
        root: str,
        headers: Mapping[str, str],
        token: SecretStr,
        refusal: Refusal,
    ) -> None:
        import requests  # costs 0.15 s, which a process should not pay that asks nobody

        self.name = name
        self._root = root
        self._token = token
        self._refusal = refusal
        self._session = requests.Session()
        self._session.auth = _as_it_is
        self._session.headers.update({"User-Agent": "deploy-project", **headers})
        self._deadline = time.monotonic() + _ALTOGETHER
        self._limit = hash((root, token.get_secret_value()))

    def get(self, path: str, *, tag: str = "", **query: str | int) -> Response:
        """Return the answer to a GET; its status is 304 when nothing has changed since `tag`."""
        headers = {"If-None-Match": tag} if tag else {}
        return self._asked("GET", path, headers=headers, params=query)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Response:
        """Return the answer to a request with `body` as JSON."""
        content = json.dumps(body).encode()  # escapes invalid Unicode
        return self._asked(method, path, headers={"Content-Type": "application/json"}, data=content)

    def _asked(self, method: str, path: str, **options: Any) -> Response:
        rest = self._pauses.get(self._limit, 0) - time.time()
        if rest > 0:
            raise self._refusal.error(f"{self.name} has asked for a pause", pause(rest))
        url = self._root + path
        for _ in range(_HOPS):
            answer, content = self._answer(method, url, options)
            target = self._target(method, url, answer)
            if target is None:
                return self._accepted(answer, content)
            url, options = target, {**options, "params": None}
        raise self._refusal.error(
            f"{self.name} redirects in a circle, at {path}", "check `hosting.api_url`"
        )

    def _answer(self, method: str, url: str, options: Mapping[str, Any]) -> tuple[Response, bytes]:
        import requests

        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        try:
            with self._session.request(
                method,
                url,
                timeout=min(left, _TIMEOUT),
                allow_redirects=False,  # only `_target` knows where the token may go
                stream=True,
                **options,
            ) as response:
                return Response(response.status_code, response.headers), self._content(response)
        except requests.Timeout:
            raise self._late() from None
        except (requests.RequestException, ValueError) as error:  # ValueError: of a redirect
            raise self._refusal.error(
                f"{self.name} can't be reached at {self._root}: {self._reason(error)}",
                "check `hosting`, and that this machine reaches it",
            ) from None

    def _content(self, response: "requests.Response") -> bytes:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > _LARGEST or time.monotonic() > self._deadline:
                raise self._late()
        return bytes(content)

    def _target(self, method: str, url: str, answer: Response) -> str | None:
        """Return the target of a redirect; raise for another host, which would get the token."""
        location = answer.headers.get("Location", "")
        if answer.status not in _MOVED or not location:
            return None
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        if same and (method == "GET" or answer.status in (307, 308)):
            return there.geturl()
        where = f"{there.scheme}://{there.hostname}{there.path}"
        raise self._refusal.error(
            f"{self.name} redirects {method} {here.path} to {where}, which does not get the token",
            "correct `hosting.url`, or set `hosting.api_url`",
        )

    def _accepted(self, answer: Response, content: bytes) -> Response:
        """Return the answer with its JSON; raise `RemoteError` for a refusal or other content."""
        if answer.status == 304 or (answer.status < 300 and not content):
            return answer
        data = _json(content)
        found = problem(answer.status, answer.headers, data)
        if found is None and data is _NO_JSON:
            raise self._refusal.error(
                f"{self.name} answers with something that is no JSON at {self._root}",
                "check `hosting.kind` and `hosting.api_url`",
            )
        if found is None:
            return replace(answer, data=data)
        if found.pause:
            self._pauses[self._limit] = time.time() + found.pause
        raise self._refusal.error(f"{self.name} {self._hidden(found.what)}", found.remedy, found)

    def _late(self) -> RemoteError:
        return self._refusal.error(
            f"{self.name} at {self._root} has not answered within {_ALTOGETHER} seconds",
            WAIT,
        )

    def _reason(self, error: Exception) -> str:
        """Return the innermost reason of a failed connection, without the request in it."""
        reason: Any = error
        while (inner := getattr(reason, "reason", None) or (reason.args or ("",))[0]) and (
            isinstance(inner, Exception)
        ):
            reason = inner
        text = str(reason).rpartition(": ")[2] or type(reason).__name__
        return self._hidden(text)[:200]

    def _hidden(self, text: str) -> str:
        return text.replace(self._token.get_secret_value(), "***")


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Return the request unchanged: requests would take a login for the host from ~/.netrc."""
    return request


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _NO_JSON

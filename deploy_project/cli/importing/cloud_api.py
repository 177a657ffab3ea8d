"""The client of dbt Cloud's API that `import` reads an account with, and its only door to it."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from deploy_project.errors import ConfigError

if TYPE_CHECKING:
    import requests

PAGE = 100
"""The objects of a page, dbt Cloud's most."""
_TIMEOUT = 30.0
_LARGEST = 64 << 20
_CHUNK = 1 << 16
_MOST_PAGES = 10_000
_LONGEST_PAUSE = 60.0
_PATIENCE = 10
_TOO_MANY = 429
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHECK = "check --url, and that this machine reaches it"


class _One(BaseModel):
    """The envelope of one object."""

    data: dict[str, Any]


class _Pagination(BaseModel):
    total_count: int = 0
    """None where it does not say: that page is all."""


class _Extra(BaseModel):
    pagination: _Pagination = _Pagination()


class _Page(BaseModel):
    """The envelope of a page of a list."""

    data: list[dict[str, Any]]
    extra: _Extra = _Extra()


Model = TypeVar("Model", _One, _Page)


class CloudApi:
    """The API of one account, at `url`, which may have a path before `/api`.

    All methods raise `ConfigError`, which never shows the token, for whatever is no answer.
    """

    def __init__(self, url: str, account: int, token: SecretStr) -> None:
        import requests  # costs 0.15 s, which a process should not pay that asks nobody

        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query:
            raise ConfigError(
                f"--url {_shown(url)!r} is no address of dbt Cloud; write one such as "
                "https://cloud.getdbt.com"
            )
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise ConfigError(
                f"--url {_shown(url)!r} would send the token unencrypted; use an https address"
            )
        secret = token.get_secret_value()
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ConfigError(
                "the token contains a line break, a space or another letter that no token has; "
                "store the token alone"
            )
        self._root = f"{url.rstrip('/')}/api"
        self._account = account
        self._session = requests.Session()
        self._session.auth = _as_it_is
        self._session.headers.update(
            {"Authorization": f"Token {secret}", "User-Agent": "deploy-project"}
        )

    def one(self, version: str, path: str, **query: str | int) -> Mapping[str, Any]:
        """Return the object at a path below the account, by API `v2` or `v3`."""
        return self._answer(_One, version, path, query).data

    def every(self, version: str, path: str, **query: str | int) -> Iterator[Mapping[str, Any]]:
        """Yield all objects of a list, page by page; those that are deleted are left out."""
        offset = 0
        for _ in range(_MOST_PAGES):
            asked = {**query, "limit": PAGE, "offset": offset}
            page = self._answer(_Page, version, path, asked)
            yield from (each for each in page.data if each.get("state", 1) == 1)
            offset += len(page.data)
            if not page.data or offset >= page.extra.pagination.total_count:
                return
        raise self._strange(path)

    def _answer(
        self, model: type[Model], version: str, path: str, query: Mapping[str, str | int]
    ) -> Model:
        url = f"{self._root}/{version}/accounts/{self._account}/{path}"
        status, headers, content = self._asked(url, query)
        for _ in range(_PATIENCE):
            if status != _TOO_MANY:
                break
            wait = headers.get("Retry-After", "")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, _LONGEST_PAUSE))
            status, headers, content = self._asked(url, query)
        if status != 200:
            raise self._refusal(status, path, headers)
        try:
            return model.model_validate_json(content)
        except ValidationError:
            raise self._strange(path) from None

    def _asked(
        self, url: str, query: Mapping[str, str | int]
    ) -> tuple[int, Mapping[str, str], bytes]:
        import requests

        try:
            with self._session.get(
                url,
                params=query,
                timeout=_TIMEOUT,
                allow_redirects=False,  # another place would get the token
                stream=True,
            ) as response:
                content = bytearray()
                for chunk in response.iter_content(_CHUNK):
                    content += chunk
                    if len(content) > _LARGEST:
                        raise ConfigError(f"{self._root} answers without an end; {_CHECK}")
                return response.status_code, response.headers, bytes(content)
        except (requests.RequestException, ValueError) as error:  # ValueError: of the address
            why = type(error).__name__
            raise ConfigError(f"{self._root} can't be reached ({why}); {_CHECK}") from None

    def _refusal(self, status: int, path: str, headers: Mapping[str, str]) -> ConfigError:
        what = f"{self._root} answers HTTP {status} to {path or 'the account'!r}"
        if 300 <= status < 400:
            there = urlsplit(headers.get("Location", ""))
            where = f"{there.scheme}://{there.hostname}" if there.hostname else "another place"
            return ConfigError(
                f"{what}: it redirects to {_shown(where)}, which does not get the token; give the "
                "address that is meant as --url"
            )
        if status in (401, 403):
            return ConfigError(
                f"{what}: it does not let this token read account {self._account}; give one that "
                "may, and the account's number"
            )
        return ConfigError(f"{what}; check --url, and the number of the account")

    def _strange(self, path: str) -> ConfigError:
        return ConfigError(
            f"{self._root} answers something else to {path or 'the account'!r} than dbt Cloud's "
            f"API does; {_CHECK}"
        )


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text.rpartition("@")[2])[:200]


def _as_it_is(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    """Return the request unchanged: requests would take a login for the host from ~/.netrc."""
    return request

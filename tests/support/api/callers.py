"""Programs that call the front over HTTP, and the tokens that they have."""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deploy_project.config.values.tokens import Permission, Token, digest
from tests.support.waiting import PATIENCE


def secret(name: str) -> str:
    """The text of the token of this name."""
    return f"dpt_{name}"


def token(
    name: str,
    *permissions: Permission,
    projects: Sequence[str] = ("*",),
    environments: Sequence[str] = ("*",),
    expires: datetime | None = None,
) -> Token:
    return Token(
        name,
        digest(secret(name)),
        frozenset(permissions),
        tuple(projects),
        tuple(environments),
        expires,
    )


_READING = "read_account read_jobs read_runs read_artifacts"
_TELLING = "read_webhooks edit_webhooks read_notifications edit_notifications"
ALLOWED: Mapping[str, frozenset[str]] = {
    name: frozenset(actions.split())
    for name, actions in {
        "account_admin": f"{_READING} {_TELLING} read_metadata trigger cancel override_steps "
        "override_code edit_jobs",
        "member": f"{_READING} {_TELLING} read_metadata trigger cancel edit_jobs",
        "job_admin": f"{_READING} read_metadata trigger cancel override_steps override_code "
        "edit_jobs",
        "job_creator": f"{_READING} read_metadata trigger cancel edit_jobs",
        "job_runner": f"{_READING} trigger cancel",
        "job_viewer": f"{_READING} read_metadata",
        "metadata_only": "read_metadata",
        "webhooks_only": "read_webhooks edit_webhooks",
        "notification_manager": "read_notifications edit_notifications",
        "override_steps": "override_steps",
        "override_code": "override_code",
    }.items()
}
"""The actions that each permission allows, as docs/api.md tells them; nothing else is allowed."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def data(self) -> Any:
        """The object or objects of a success."""
        assert self.status == 200, (self.status, self.content)
        return self.json["data"]

    @property
    def message(self) -> str:
        """What dbt Cloud's envelope says; empty for another answer."""
        try:
            return self.json["status"]["user_message"]
        except (ValueError, KeyError, TypeError):
            return ""


def send(
    address: str,
    method: str,
    path: str,
    content: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    authority: Path | None = None,
) -> Answer:
    """The answer to a request for exactly this path, which clients for people would correct.

    `authority` is the file with the authority of a certificate.
    """
    place = urlsplit(address).netloc
    connection = (
        http.client.HTTPConnection(place, timeout=PATIENCE)
        if authority is None
        else http.client.HTTPSConnection(
            place,
            timeout=PATIENCE,
            context=ssl.create_default_context(cafile=str(authority)),
        )
    )
    try:
        connection.request(method, path, content, dict(headers or {}))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def headers_of(names: Mapping[str, str]) -> dict[str, str]:
    """Headers that were given as arguments of a function: `Idempotency_Key`."""
    return {name.replace("_", "-"): value for name, value in names.items()}


@dataclass(frozen=True)
class Caller:
    """A program with a token, or without one; it sends paths exactly as they are given."""

    address: str
    name: str = ""

    def call(
        self,
        method: str,
        path: str,
        body: bytes | str | Mapping[str, Any] | None = None,
        **headers: str,
    ) -> Answer:
        content = json.dumps(body) if isinstance(body, Mapping) else body
        own = {"Authorization": f"Token {secret(self.name)}"} if self.name else {}
        return send(self.address, method, path, content, {**own, **headers_of(headers)})

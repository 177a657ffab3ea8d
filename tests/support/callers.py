"""Programs that call the front over HTTP, and the tokens that they have."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
ALLOWED: Mapping[str, frozenset[str]] = {
    name: frozenset(actions.split())
    for name, actions in {
        "account_admin": f"{_READING} read_metadata read_webhooks trigger cancel override_steps "
        "override_code edit_jobs edit_webhooks",
        "member": f"{_READING} read_metadata read_webhooks trigger cancel edit_jobs edit_webhooks",
        "job_admin": f"{_READING} read_metadata trigger cancel override_steps override_code "
        "edit_jobs",
        "job_creator": f"{_READING} read_metadata trigger cancel edit_jobs",
        "job_runner": f"{_READING} trigger cancel",
        "job_viewer": f"{_READING} read_metadata",
        "metadata_only": "read_metadata",
        "webhooks_only": "read_webhooks edit_webhooks",
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
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def message(self) -> str:
        """What dbt Cloud's envelope says; empty for another answer."""
        try:
            return self.json["status"]["user_message"]
        except (ValueError, KeyError, TypeError):
            return ""


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
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, content, {**own, **given})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()

"""Refusals of a hosting's API: their reasons, remedies and pauses, as errors; pure."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from deploy_project.config.values.deployment import Project
from deploy_project.errors import RemoteError

WAIT = "wait until it works again; until then no pull request counts as closed"
_LONGEST = 200
_PAUSE = 60.0  # seconds, where the API does not say; GitHub asks for at least a minute
_LONGEST_PAUSE = 3600.0


class RefusedError(RemoteError):
    """The API has refused a request; `status` is HTTP's, `said` the API's message."""

    def __init__(self, text: str, status: int, said: str) -> None:
        super().__init__(text)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Problem:
    """A refusal, read from an answer: its status, its words, its remedy and its pause."""

    status: int
    what: str
    """The site's behaviour, such as `answers …`."""
    remedy: str
    said: str = ""
    """The API's own message."""
    pause: float = 0
    """Seconds until the next request is allowed."""


@dataclass(frozen=True)
class Refusal:
    """The errors of one project's hosting."""

    project: Project

    def error(self, what: str, remedy: str, problem: Problem | None = None) -> RemoteError:
        """Return an error that names the project; `remedy` may name its token as `{token}`."""
        hosting = self.project.hosting
        assert hosting is not None
        remedy = remedy.replace("{token}", f"the token in {hosting.token}")
        text = f"project {self.project.name!r}: {what}; {remedy}"
        if problem is None:
            return RemoteError(text)
        return RefusedError(text, problem.status, problem.said)


def problem(status: int, headers: Mapping[str, str], data: Any) -> Problem | None:
    """Return the refusal in an answer; None for one with status 2xx."""
    if 200 <= status < 300:
        return None
    said = _said(data)
    words = f": {said}" if said else ""
    seconds = _pause(status, headers, said)
    if seconds:
        what = f"wants no more requests for now (HTTP {status}{words})"
        return Problem(status, what, pause(seconds), said, seconds)
    return Problem(status, f"answers HTTP {status}{words}", _remedy(status), said)


def pause(seconds: float) -> str:
    """Return the remedy for a rate limit: the time until which no request is sent."""
    until = datetime.fromtimestamp(time.time() + seconds, UTC)
    return (
        f"it is not asked before {until:%H:%M:%S} UTC; until then no pull request counts as closed"
    )


def _remedy(status: int) -> str:
    if status == 401:
        return "check that {token} has not expired, and is one of this site"
    if status == 403:
        return "give {token} the rights that docs/pull-requests.md lists"
    if status == 404:
        return "check `hosting.url`, and that {token} may see this repository"
    if status >= 500:
        return WAIT
    return "check `hosting` of the project, and docs/pull-requests.md"


def _pause(status: int, headers: Mapping[str, str], said: str) -> float:
    """Return the seconds to wait after a rate limit; 0 for any other refusal.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api and
    https://docs.gitlab.com/security/rate_limits/
    """
    waits = headers.get("Retry-After", "")
    none_left = headers.get("X-RateLimit-Remaining") == "0"
    if status not in (403, 429, 503) or (status == 503 and not waits):
        return 0
    if status == 403 and not waits and not none_left and "rate limit" not in said.lower():
        return 0
    reset = headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or ""
    seconds = _seconds(waits) or (_number(reset) - time.time())
    return min(max(seconds, 1), _LONGEST_PAUSE) if waits or _number(reset) else _PAUSE


def _seconds(waits: str) -> float:
    """Return the seconds that `Retry-After` asks for, which is a number of them, or a date."""
    if waits.isdecimal():
        return _number(waits)
    try:
        return parsedate_to_datetime(waits).timestamp() - time.time()
    except (ValueError, TypeError):
        return 0


def _number(text: str) -> float:
    return float(text) if text.isdecimal() and text.isascii() and len(text) < 13 else 0


def _said(data: Any) -> str:
    """Return the API's own message as one short line of text."""
    if not isinstance(data, dict):
        return ""
    fields = cast(dict[str, Any], data)
    words = fields.get("message") or fields.get("error_description") or fields.get("error") or ""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(words)).split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

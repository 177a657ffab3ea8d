"""The gate before the API: no request passes without a token, above its limit, or unseen."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy_project.api.auth.audit import Audit, AuditLine
from deploy_project.api.auth.last_use import LastUse
from deploy_project.api.auth.tokens import authenticated
from deploy_project.api.http import envelope
from deploy_project.api.http.limits import Counts
from deploy_project.api.http.problems import ApiError
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token

API = "/api/"
_OTHER_ACCOUNT = "Access denied: Token is not scoped to account."
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSALS = frozenset({401, 403, 429})
_FAILED = 400
"""The status of answers from which on nothing was changed."""
_DEFECT = 500
_HOUR = 3600.0
_STRANGERS, _REFUSED = 60, 600
"""Lines of the audit in an hour, for all requests without a token, and for what each token was
refused: nobody must be able to crowd out the lines before.
"""


class Gate:
    """The ASGI application that lets requests below `/api/` in by their tokens.

    It leaves the token in the request's state, and writes the audit of changes and refusals.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        deployment: Callable[[], Deployment],
        audit: Audit,
        last_use: LastUse,
    ) -> None:
        """Stand before `app`; `deployment` gives the tokens as they are now."""
        self._app, self._deployment = app, deployment
        self._audit, self._last_use = audit, last_use
        self._requests, self._told = Counts(), Counts(_HOUR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on.

        Paths are taken with and without a slash at their end: a redirect would lose the body of a
        POST.
        """
        if scope["type"] != "http" or not scope["path"].startswith(API):
            return await self._app(scope, receive, send)
        scope = {**scope, "path": scope["path"].rstrip("/"), "state": {**scope.get("state", {})}}

        async def audited(message: Message) -> None:
            if message["type"] == "http.response.start" and self._tells(scope, message["status"]):
                line = _line(scope, message["status"])
                await run_in_threadpool(self._audit.write, line)
            await send(message)

        try:
            self._admit(scope)
            _refuse_other_accounts(scope["path"], self._deployment())
        except ApiError as error:
            scope["state"]["remark"] = error.user_message
            return await envelope.refused(error)(scope, receive, audited)
        try:
            await self._app(scope, receive, audited)
        except Exception:  # answered as a defect farther out
            if self._tells(scope, _DEFECT):
                await run_in_threadpool(self._audit.write, _line(scope, _DEFECT))
            raise
        return None

    def _admit(self, scope: Scope) -> None:
        """Leave the token in the state of a request; raise `ApiError` 401, or 429."""
        deployment, now = self._deployment(), datetime.now(UTC)
        most, header = deployment.requests_per_minute, Headers(scope=scope).get("authorization")
        try:
            token = authenticated(header, deployment.tokens, now=now)
        except ApiError:
            self._count(f"from {_address(scope)}", most=most)
            raise
        scope["state"]["token"] = token
        self._last_use.note(token.name, now)
        self._count(token.name, most=most)

    def _count(self, caller: str, *, most: int) -> None:
        wait = math.ceil(self._requests.seconds_to_wait(caller, most=most, now=time.monotonic()))
        if wait:
            message = f"Too many requests: {most} a minute are answered; try again in {wait} s."
            raise ApiError(429, message, headers={"Retry-After": str(wait)})

    def _tells(self, scope: Scope, status: int) -> bool:
        """Whether the audit has a line for a request that is answered so."""
        if scope["method"] in _READING and status not in _REFUSALS:
            return False
        token: Token | None = scope["state"].get("token")
        if token is not None and status < _FAILED:
            return True
        name, most = ("", _STRANGERS) if token is None else (token.name, _REFUSED)
        return not self._told.seconds_to_wait(name, most=most, now=time.monotonic())


def _refuse_other_accounts(path: str, deployment: Deployment) -> None:
    parts = path.split("/")  # '', 'api', 'v2', 'accounts', the account, …
    if parts[3:4] == ["accounts"] and parts[4:5] not in ([], [f"{deployment.account.id}"]):
        raise ApiError(403, _OTHER_ACCOUNT)


def note(request: Request, remark: str) -> None:
    """Have the audit of a change name the thing that was made or changed, such as `run 17`."""
    request.state.remark = remark


def _line(scope: Scope, status: int) -> AuditLine:
    state = scope["state"]
    token: Token | None = state.get("token")
    return AuditLine(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        token="" if token is None else token.name,
        action=str(state.get("action", scope["method"])),
        object=scope["path"],
        outcome=status,
        address=_address(scope),
        remark=state.get("remark", ""),
    )


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""

"""Requests to a deployment's running Dagster: launch, cancel, reload, status; through GraphQL.

Before it is asked for a change, the Dagster is checked to be this deployment's.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
from dagster_graphql import (
    DagsterGraphQLClient,
    DagsterGraphQLClientError,
    ReloadRepositoryLocationStatus,
)

from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import LaunchError
from deploy_project.runs.instance.answering import ensure_ours, unanswered
from deploy_project.runs.instance.identity import Identity, Request
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import LOCATION, REPOSITORY

POLL_SECONDS = 1.0
PATIENCE = 60
"""The number of polls in a row that may fail while a run is waited for: a webserver may restart."""
_TIMEOUT = 120  # seconds
_ASSURED_SECONDS = 15.0
_RELOAD_TIMEOUT = 30  # a tick of a sensor must be over within 60
_LONGEST = 1000


@dataclass
class Assurance:
    """The Dagsters that were found to be this deployment's a moment ago; threads share it."""

    _until: dict[tuple[str, Request], float] = field(default_factory=dict[Any, float], init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def assure(self, url: str, wish: Request, ask: Callable[[], None]) -> None:
        """Return at once if the Dagster at `url` was asked lately; else `ask` it, which may raise.

        Requests of other threads wait for that answer.
        """
        with self._lock:
            if time.monotonic() >= self._until.get((url, wish), 0.0):
                ask()
                self._until[url, wish] = time.monotonic() + _ASSURED_SECONDS


@dataclass(frozen=True)
class Dagster:
    """The running Dagster of a deployment.

    All methods raise `LaunchError` when it does not answer, refuses, or is not of the deployment.
    """

    url: str
    ours: Identity
    instance: dg.DagsterInstance | None = None
    """The history of the deployment; None for that of the working directory."""
    assurance: Assurance = field(default_factory=Assurance)
    """Shared by a server's requests, so that not each of them has to ask first."""

    @classmethod
    def of(
        cls,
        deployment: Deployment,
        instance: dg.DagsterInstance | None = None,
        assurance: Assurance | None = None,
    ) -> "Dagster":
        """Return the Dagster that `deployment` names."""
        ours = Identity.of(deployment)
        return cls(deployment.dagster_url, ours, instance, assurance or Assurance())

    def reload(self, *, timeout: int = _RELOAD_TIMEOUT) -> None:
        """Have the code location loaded again."""
        self._ensure_ours("reload", timeout=max(1, timeout // 3))
        with _client(self.url, timeout=timeout) as client:
            done = client.reload_repository_location(LOCATION)
        if done.status is not ReloadRepositoryLocationStatus.SUCCESS:
            raise LaunchError(
                f"Dagster at {self.url} could not reload {LOCATION!r}: {done.message}"
            )

    def launch(
        self, job: str, tags: Mapping[str, str], run_config: Mapping[str, Any] | None = None
    ) -> str:
        """Start a run of the Dagster job `job` and return its id; it waits in Dagster's queue."""
        self._ensure_ours("launch")
        with _client(self.url) as client:
            return client.submit_job_execution(
                job, LOCATION, REPOSITORY, run_config=dict(run_config or {}), tags=dict(tags)
            )

    def cancel(self, run_id: str) -> None:
        """Cancel a run, queued or in progress; one that is just starting can't be."""
        self._ensure_ours("cancel")
        with _client(self.url) as client:
            client.terminate_run(run_id)

    def statuses(self, run_id: str) -> Iterator[Status]:
        """Yield the status of a run, once a second until it has ended."""
        failures = 0
        while True:
            try:
                with _client(self.url) as client:
                    status = Status.of(client.get_run_status(run_id))
            except LaunchError:
                failures += 1
                if failures > PATIENCE:
                    raise
            else:
                failures = 0
                yield status
                if status.has_ended:
                    return
            time.sleep(POLL_SECONDS)

    def _ensure_ours(self, wish: Request, *, timeout: int = _TIMEOUT) -> None:
        def ask() -> None:
            ensure_ours(self.url, self.ours, wish=wish, timeout=timeout, instance=self.instance)

        self.assurance.assure(self.url, wish, ask)


@contextmanager
def _client(url: str, *, timeout: int = _TIMEOUT) -> Generator[DagsterGraphQLClient]:
    parts = urlsplit(url)
    try:
        yield DagsterGraphQLClient(
            parts.hostname or "",
            port_number=parts.port,
            use_https=parts.scheme == "https",
            path_prefix=parts.path,
            timeout=timeout,
        )
    except DagsterGraphQLClientError as error:
        if any(isinstance(cause, OSError) for cause in _causes(error)):
            raise LaunchError(unanswered(url)) from error
        raise LaunchError(f"Dagster at {url} refused: {_reason(error)}") from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and its causes; each layer of Dagster's client wraps the one below."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _reason(error: DagsterGraphQLClientError) -> str:
    """Return Dagster's own message, without the query that its client repeats."""
    found = error.__cause__ or error
    said = ": ".join(str(part) for part in found.args)
    return said if len(said) <= _LONGEST else said[:_LONGEST] + "…"

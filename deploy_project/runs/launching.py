"""Asking a running Dagster to do something, through its GraphQL API."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from dagster_graphql import (
    DagsterGraphQLClient,
    DagsterGraphQLClientError,
    ReloadRepositoryLocationStatus,
)

from deploy_project.errors import LaunchError
from deploy_project.runs.status import ENDED, word
from deploy_project.runs.tags import LOCATION

REPOSITORY = "__repository__"
"""The name that Dagster gives to the definitions of a code location."""
POLL_SECONDS = 1.0
PATIENCE = 60
"""How often in a row a poll may fail while a run is waited for: a webserver may be restarted."""
_TIMEOUT = 120  # seconds
_RELOAD_TIMEOUT = 30  # a tick of a sensor must be over within 60
_LONGEST = 1000


def reload(url: str, *, timeout: int = _RELOAD_TIMEOUT) -> None:
    """Have the code location loaded again; raises `LaunchError` when that fails."""
    with _client(url, timeout=timeout) as client:
        done = client.reload_repository_location(LOCATION)
    if done.status is not ReloadRepositoryLocationStatus.SUCCESS:
        raise LaunchError(f"Dagster at {url} could not reload {LOCATION!r}: {done.message}")


def launch(url: str, job: str, tags: Mapping[str, str]) -> str:
    """Start a run of `job` and return its id; it waits in Dagster's queue like any other."""
    with _client(url) as client:
        return client.submit_job_execution(job, LOCATION, REPOSITORY, tags=dict(tags))


def statuses(url: str, run_id: str) -> Iterator[str]:
    """Yield how a run stands, in dbt Cloud's words, once a second until it has ended."""
    failures = 0
    while True:
        try:
            with _client(url) as client:
                status = word(client.get_run_status(run_id))
        except LaunchError:
            failures += 1
            if failures > PATIENCE:
                raise
        else:
            failures = 0
            yield status
            if status in ENDED:
                return
        time.sleep(POLL_SECONDS)


def cancel(url: str, run_id: str) -> None:
    """Cancel a run, queued or in progress; raises `LaunchError` for one that is just starting."""
    with _client(url) as client:
        client.terminate_run(run_id)


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
            raise LaunchError(
                f"Dagster at {url} does not answer; start it with `dagster dev`, or set "
                "`dagster_url:` in deploy.yaml to where its webserver is"
            ) from error
        raise LaunchError(f"Dagster at {url} refused: {_reason(error)}") from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what led to it; each layer of Dagster's client wraps the one below."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _reason(error: DagsterGraphQLClientError) -> str:
    """Return what Dagster said, without the query that Dagster's client repeats."""
    found = error.__cause__ or error
    said = ": ".join(str(part) for part in found.args)
    return said if len(said) <= _LONGEST else said[:_LONGEST] + "…"

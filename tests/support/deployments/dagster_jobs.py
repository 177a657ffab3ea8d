"""Jobs of Dagster that do nothing, and the origin by which it finds a job again."""

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

# Dagster queues only what it can find again.
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("deploy_project"), "__repository__"),
    "daily",
)


@dg.op
def no_work() -> None: ...


@dg.job
def daily() -> None:
    no_work()


@dg.job
def nothing() -> None: ...

"""Makes a run of `dagster job execute` one of our code location.

It names no location, and Dagster's timeline and job pages show nothing but the runs of one.
"""

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG


def adopt(instance: dg.DagsterInstance, run_id: str, *, location: str, repository: str) -> None:
    """Give a run that belongs to no code location the origin that a run from the UI has."""
    there = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), repository)
    # Dagster's way of moving a run to another location replaces this tag only where there is one.
    instance.add_run_tags(run_id, {REPOSITORY_LABEL_TAG: there.get_label()})
    run = instance.get_run_by_id(run_id)
    assert run is not None
    origin = RemoteJobOrigin(there, run.job_name)
    instance.run_storage.replace_job_origin(run, origin)

"""Shortens loading and a run's process: imports dbt meanwhile, holds back garbage collection."""

import atexit
import gc
from collections.abc import Generator
from contextlib import contextmanager

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Job
from deploy_project.config.values.passed import for_strangers
from deploy_project.dbt.processes import children
from deploy_project.dbt.processes.installation import at_hand
from deploy_project.releases.given import inherited
from deploy_project.runs.model.plan import Kind, steps

_COMMANDS: frozenset[Kind] = frozenset({"command", "freshness", "docs", "compare"})


def start_dbt(job: Job, state: StateDirectory) -> None:
    """Have the dbt of `job` imported meanwhile, unless nobody can tell yet which it will be."""
    python = at_hand(job.dbt_version or job.environment.dbt_version, state)
    if python is not None:
        commands = [each for each in steps(job) if each.kind in _COMMANDS]
        given = inherited(job.environment)
        if job.builds_pull_requests:
            children.keep_warm(python, for_strangers(given), of_strangers=True)
        elif len(commands) == 1:
            children.start_ahead(python, given)
        else:
            children.keep_warm(python, given)


def end_at_once() -> None:
    """Have this process end without a last garbage collection: its memory goes anyway."""
    atexit.register(gc.freeze)


@contextmanager
def kept() -> Generator[None]:
    """Collect no garbage in this block, and never among its objects: they stay to the end.

    Python would look through all definitions made so far again and again, a third of the time
    that 5,000 models take.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

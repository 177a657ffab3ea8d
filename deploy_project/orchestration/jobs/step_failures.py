"""Turns a `DeployError` of a step into Dagster's `Failure`, to show its message in the UI."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from deploy_project.errors import DeployError


@contextmanager
def failing_clearly() -> Generator[None]:
    """Raise a `DeployError` as Dagster's `Failure`, with its message above every traceback."""
    try:
        yield
    except DeployError as error:
        raise dg.Failure(str(error), allow_retries=False) from error

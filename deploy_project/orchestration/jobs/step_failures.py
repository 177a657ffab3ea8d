"""How Dagster shows a step that could not be carried out at all."""

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from deploy_project.errors import DeployError


@contextmanager
def failing_clearly() -> Generator[None]:
    """Raise a `DeployError` as Dagster's `Failure`, whose text stands above every traceback."""
    try:
        yield
    except DeployError as error:
        raise dg.Failure(str(error), allow_retries=False) from error

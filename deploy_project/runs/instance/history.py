"""The run history: Dagster's instance opened, and its place; `runs.reads` reads it."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from deploy_project.config.environment import dagster_home
from deploy_project.errors import ConfigError


@contextmanager
def opened() -> Generator[dg.DagsterInstance]:
    """Open Dagster's instance: that of `DAGSTER_HOME`, else of dagster.yaml in this directory.

    Raises `ConfigError` when there is none: Dagster would have kept its history in a temporary
    directory.
    """
    home = dagster_home()
    if home is None and not Path("dagster.yaml").is_file():
        raise ConfigError(
            f"there is no dagster.yaml in {str(Path.cwd())!r}, so Dagster keeps no history there; "
            "go to the directory that Dagster is started in, set DAGSTER_HOME, or write one with "
            "`deploy-project init`"
        )
    try:
        instance = dg.DagsterInstance.from_config(str(home or Path.cwd()))
    except Exception as error:  # any that the storage named in dagster.yaml raises
        because = f": {error.__cause__}" if error.__cause__ else ""
        raise ConfigError(
            f"Dagster's instance can't be opened: {error}{because}; correct dagster.yaml, or what "
            "it refers to"
        ) from error
    with instance:
        yield instance


def place() -> str:
    """Return the path of the dagster.yaml of the instance that `opened` opens."""
    return f"{(dagster_home() or Path.cwd()) / 'dagster.yaml'}"

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.values.deployment import Environment, Hosting, Project
from tests.support.running.started_processes import Process, heard


@pytest.fixture
def manifest() -> dict[str, Any]:
    """What dbt made of the project in `shop`; `test_selection.py` records it."""
    return json.loads((Path(__file__).parent / "manifest.json").read_bytes())


@pytest.fixture
def environment() -> Environment:
    project = Project(
        name="shop",
        id=1,
        repository="/nowhere",
        subdirectory="warehouse",
        hosting=Hosting("github", "https://github.com/acme/shop"),
    )
    return Environment(name="prod", id=2, project=project, type="production")


@pytest.fixture
def started() -> Iterator[list[Process]]:
    """The command lines of all processes that are started from now on."""
    with heard() as found:
        yield found

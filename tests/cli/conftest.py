import textwrap
from pathlib import Path

import pytest

from tests.cli.configure import Configure


@pytest.fixture
def configure(here: Path) -> Configure:
    """Write deploy.yaml and jobs.yml into the working directory."""

    def write(deploy: str, jobs: str) -> Path:
        (here / "deploy.yaml").write_text(textwrap.dedent(deploy), encoding="utf-8")
        (here / "jobs.yml").write_text(textwrap.dedent(jobs), encoding="utf-8")
        return here

    return write

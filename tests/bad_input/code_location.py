"""The code location of a deployment, as Dagster loads and validates it."""

import importlib
import re
import subprocess
import sys

import pytest

from deploy_project.errors import ConfigError
from tests.bad_input.deployed import Deployed


def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the problems of the configuration that end the loading of the code location."""
    monkeypatch.delitem(sys.modules, "deploy_project.definitions", raising=False)
    with pytest.raises(ConfigError) as raised:
        importlib.import_module("deploy_project.definitions")
    return str(raised.value).splitlines()


def validated(deployed: Deployed, *, loads: bool = False) -> str:
    """Return the output of `dagster definitions validate` for the location."""
    command = [sys.executable, "-m", "dagster", "definitions", "validate"]
    done = subprocess.run(
        [*command, "-m", "deploy_project.definitions"],
        cwd=deployed.root,
        env=deployed.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == (0 if loads else 1)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

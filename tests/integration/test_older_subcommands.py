"""The table of dbt's subcommands against the command line of an older dbt."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy_project.config.values.subcommands import OPTIONS_WITH_VALUE, SUBCOMMANDS

pytestmark = pytest.mark.slow

PRINTED = """
import json, click
from dbt.cli.main import cli
groups = [cli, *(each for each in cli.commands.values() if isinstance(each, click.Group))]
options = [p for g in groups for p in g.params if isinstance(p, click.Option)]
print(json.dumps({
    "commands": {n: sorted(getattr(c, "commands", ())) for n, c in cli.commands.items()},
    "options": sorted({n for p in options if not p.is_flag and not p.count for n in p.opts}),
}))
"""


def test_the_table_is_that_of_the_older_dbt_too(older_dbt: Path):
    (python,) = older_dbt.glob("*/bin/python")
    done = subprocess.run([python, "-c", PRINTED], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["commands"] == {name: sorted(below) for name, below in SUBCOMMANDS.items()}
    assert found["options"] == sorted(OPTIONS_WITH_VALUE)

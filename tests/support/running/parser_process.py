"""A process that parses dbt projects, one after the other: dbt's own preparations are made once.

Executed as a script, it is that process: each line of standard input is an order in JSON, and each
line of standard output the reason why dbt refused, empty for none.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Parser:
    """Parses projects in a process of its own, which ends with `close`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def manifest(self, project: Path, target: Path, variables: Mapping[str, str]) -> dict[str, Any]:
        """Parse a project into a target directory, with its debug log; return the manifest."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"project": str(project), "target": str(target), "variables": dict(variables)}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        refused = json.loads(self._process.stdout.readline())
        assert refused == ""
        return json.loads((target / "manifest.json").read_bytes())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Parse what is asked for."""
    from dbt.cli.main import dbtRunner

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        os.chdir(order["project"])
        os.environ.update(order["variables"])
        places = ("--project-dir", ".", "--profiles-dir", ".", "--target-path", order["target"])
        quiet = ("--quiet", "--log-path", order["target"], "--no-send-anonymous-usage-stats")
        runner: Any = dbtRunner()
        outcome = runner.invoke(["parse", *places, *quiet])
        for name in order["variables"]:
            del os.environ[name]
        why = "" if outcome.success else str(outcome.exception)
        print(json.dumps(why), file=answers, flush=True)


if __name__ == "__main__":
    main()

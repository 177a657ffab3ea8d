"""A commit of the example's repository, and bare dbt to run it with."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb


@dataclass(frozen=True)
class ShopCommit:
    """The files of one commit, and a state directory whose warehouses are empty at first."""

    tree: Path
    state: Path

    @property
    def target(self) -> Path:
        return self.state / "target"

    def dbt(self, *arguments: str, target: str = "production", region: str = "all") -> str:
        """Run one command that must succeed, and return what it printed."""
        ours = {
            "DEPLOY_STATE": str(self.state),
            "DBT_REGION": region,
            "DBT_PROFILES_DIR": str(self.tree),
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.state / "logs"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", *arguments, "--target", target],
            cwd=self.tree,
            env=os.environ | ours,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, query: str, *, target: str = "production") -> list[tuple[Any, ...]]:
        directory = self.tree if target == "dev" else self.state
        with duckdb.connect(directory / f"{target}.duckdb", read_only=True) as warehouse:
            return warehouse.sql(query).fetchall()


Checkout = Callable[[str], ShopCommit]
"""Makes a `ShopCommit` from the name of a commit."""

"""Scripts that stand in for programs: git, ssh and others on PATH."""

import os
import subprocess
from pathlib import Path

from tests.support.waiting import wait


def log_git(bin_directory: Path) -> Path:
    """Put a git into `bin_directory` that logs its arguments; return the log."""
    log = bin_directory / "git.log"
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True)
    script(bin_directory / "git", f'echo "$@" >> {log}\nexec {real.stdout.strip()} "$@"')
    return log


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def first_on_path(directory: Path) -> str:
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def written(path: Path) -> str:
    """Return the line that another process writes to `path`, once it is there."""
    wait(
        lambda: path.is_file() and path.read_text().endswith("\n"),
        otherwise=lambda: f"{path} was not written",
    )
    return path.read_text()

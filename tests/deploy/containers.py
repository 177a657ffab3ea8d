"""Containers as processes of this machine: they get what their image and their maker give."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Container:
    """One container, made as `asked`; `files` is what its working directory has."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    asked: Mapping[str, Any]
    files: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.files,
                env={**image_variables(self.files), **self.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def code(self) -> int | None:
        """How it has ended; None before."""
        return None if self.process is None else self.process.poll()

    def kill(self) -> None:
        """End all of its processes at once, as when its memory is used up."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, patience: float) -> None:
        """Ask it to end, and kill it when it has not ended so many seconds later."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Host:
    """Where containers run."""

    files: Path
    logs: Path
    containers: dict[str, Container] = field(default_factory=dict[str, Container])

    def add(
        self,
        name: str,
        command: Sequence[str],
        variables: Mapping[str, str],
        asked: Mapping[str, Any],
    ) -> Container:
        made = Container(name, command, variables, asked, self.files, self.logs / f"{name}.log")
        self.containers[name] = made
        return made

    def end(self) -> None:
        for each in self.containers.values():
            each.kill()


def image_variables(files: Path) -> dict[str, str]:
    """What docs/deploy/Dockerfile sets, where the working directory is `files`."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DAGSTER_HOME": str(files),
        "DEPLOY_STATE": str(files / ".deploy"),
        "HOME": str(files / ".deploy" / "home"),
    }

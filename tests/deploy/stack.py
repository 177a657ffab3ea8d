"""The services of compose.yaml as processes, with the commands and health checks that it has."""

import json
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.containers import image_variables
from tests.deploy.variants import DEPLOY
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait

SERVICES = ("code", "webserver", "daemon", "docs")


@dataclass(frozen=True)
class Stack:
    """What runs in `files`, each port of compose.yaml being another one here."""

    files: Path
    variables: Mapping[str, str]
    ports: Mapping[str, str]

    def words(self, command: Sequence[str]) -> list[str]:
        """Return a command of compose.yaml with the ports of here."""
        return [self._here(word) for word in command]

    def say(self, *command: str) -> tuple[int, str]:
        """Do what `docker compose exec daemon …` does."""
        done = subprocess.run(
            self.words(command),
            cwd=self.files,
            env=dict(self.variables),
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def _here(self, word: str) -> str:
        for before, after in self.ports.items():
            word = word.replace(before, after)
        return word


def stack(files: Path, given: Mapping[str, str]) -> Stack:
    """Return a stack on free ports that nothing has started yet."""
    ports = {name: str(free_port()) for name in ("3000", "3001", "4000")}
    return Stack(files, {**image_variables(files), **given}, ports)


@contextmanager
def running(made: Stack, logs: Path, image: str) -> Generator[None]:
    """Start the services one after the other, as `depends_on` says, until each is healthy."""
    files, ports = made.files, made.ports
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    workspace = (DEPLOY / "compose" / "workspace.yaml").read_text(encoding="utf-8")
    here = workspace.replace("4000", ports["4000"]).replace("host: code", "host: 127.0.0.1")
    (files / "workspace.yaml").write_text(here, encoding="utf-8")
    with ExitStack() as services:
        for name in SERVICES:
            service = compose["services"][name]
            command = made.words(service.get("command") or _default_command())
            variables = {**made.variables, "DAGSTER_CURRENT_IMAGE": image}
            services.enter_context(_running(command, files, variables, logs / f"{name}.log"))
            _wait(made, service["healthcheck"]["test"][1:], logs / f"{name}.log")
        yield


def _default_command() -> list[str]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").split("\nCMD ", 1)[1]
    return json.loads(text.replace("\\\n", ""))


@contextmanager
def _running(
    command: Sequence[str], files: Path, variables: Mapping[str, str], log: Path
) -> Generator[None]:
    with log.open("ab") as output:
        process: subprocess.Popen[Any] = subprocess.Popen(
            command, cwd=files, env=dict(variables), stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)  # as `docker stop` does
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(stack: Stack, check: Sequence[str], log: Path) -> None:
    wait(lambda: stack.say(*check)[0] == 0, otherwise=log.read_text, every=0.5)

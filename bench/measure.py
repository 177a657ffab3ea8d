"""Running commands to their end, and what they cost."""

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from report import Cost

_SHOWN = 30
_PATIENCE = 30  # seconds


class Failed(SystemExit):
    """A command failed, these were its last words; the end of this program, unless caught."""


class TooLong(Failed):
    """A command was ended at its limit."""


@dataclass(frozen=True)
class Command:
    """One process: what to start, where, and with which environment variables."""

    arguments: tuple[str, ...]
    directory: Path
    variables: Mapping[str, str]


def run(command: Command, *, limit: float | None = None) -> None:
    """Run `command` to its end, or for `limit` seconds; raise `Failed` or `TooLong`."""
    # A file, not a pipe: reading along would compete with what is measured.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command.arguments,
            cwd=command.directory,
            env=command.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        line = " ".join(command.arguments)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise TooLong(f"`{line}` was ended after {limit:.0f} s") from None
        finally:
            end(process)
        if code != 0:
            output.seek(0)
            said = "\n".join(output.read().splitlines()[-_SHOWN:])
            raise Failed(f"`{line}` failed in {command.directory} (exit {code}):\n{said}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End `process`, which leads a session, when it has not ended, and all of that session."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cost(*commands: Command, limit: float | None = None) -> Cost:
    """Run `commands` one after the other and return what they cost together."""
    cpu, started = cpu_of_children(), time.perf_counter()
    for command in commands:
        run(command, limit=limit)
    return Cost(wall=time.perf_counter() - started, cpu=cpu_of_children() - cpu)


def cpu_of_children() -> float:
    """Return the CPU seconds of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

"""Running commands to their end, and what they cost."""

import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from report import Cost

_SHOWN = 30
_PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Command:
    """One process: what to start, where, and with which environment variables."""

    arguments: tuple[str, ...]
    directory: Path
    variables: Mapping[str, str]


def run(command: Command) -> None:
    """Run `command` to its end; end this program with its last words when it fails."""
    # A file, not a pipe: reading along would compete with what is measured.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command.arguments,
            cwd=command.directory,
            env=command.variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        code = _ended(process)
        if code != 0:
            output.seek(0)
            end = "\n".join(output.read().splitlines()[-_SHOWN:])
            line = " ".join(command.arguments)
            raise SystemExit(f"`{line}` failed in {command.directory} (exit {code}):\n{end}")


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for `process`; when this program is interrupted, only until it has stopped its own."""
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def cost(*commands: Command) -> Cost:
    """Run `commands` one after the other and return what they cost together."""
    cpu, started = cpu_of_children(), time.perf_counter()
    for command in commands:
        run(command)
    return Cost(wall=time.perf_counter() - started, cpu=cpu_of_children() - cpu)


def cpu_of_children() -> float:
    """Return the CPU seconds of all children that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

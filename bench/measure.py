"""Runs commands to their end, and measures their time, CPU and memory."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.report import Cost

_SHOWN = 30
_PATIENCE = 30  # seconds
_OFTEN = 0.02  # seconds
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class Failed(SystemExit):
    """A command failed, these were its last words; the end of this program, unless caught."""


class TooLong(Failed):
    """A command was ended at its limit."""


@dataclass(frozen=True)
class Command:
    """One process to start: its arguments, directory and environment variables."""

    arguments: tuple[str, ...]
    directory: Path
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Spent(Cost):
    """The time, CPU and memory of one process."""

    peak: float
    """The most MiB that it has had itself, by the kernel's own mark (`VmHWM`)."""


def run(command: Command, *, limit: float | None = None) -> None:
    """Run `command` to its end, or for `limit` seconds; raise `Failed` or `TooLong`."""
    _run(command, lambda process: process.wait(limit))


def _run(command: Command, wait: Callable[[subprocess.Popen[bytes]], int]) -> None:
    # A file, not a pipe: reading along would compete with the measured command.
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
            code = wait(process)
        except subprocess.TimeoutExpired as late:
            raise TooLong(f"`{line}` was ended after {late.timeout:.0f} s") from None
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
    """Run `commands` one after the other, and return their cost together."""

    def act() -> None:
        for command in commands:
            run(command, limit=limit)

    return _cost(act)


def spent(command: Command) -> Spent:
    """Run `command`, and return its cost, with the peak of its memory."""
    peak = 0.0

    def wait(process: subprocess.Popen[bytes]) -> int:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, peak_megabytes(process.pid))
            time.sleep(_OFTEN)
        return process.returncode

    found = _cost(lambda: _run(command, wait))
    return Spent(found.wall, found.cpu, peak)


def _cost(act: Callable[[], None]) -> Cost:
    cpu, started = _cpu(resource.RUSAGE_CHILDREN), time.perf_counter()
    act()
    wall = time.perf_counter() - started
    return Cost(wall, cpu=_cpu(resource.RUSAGE_CHILDREN) - cpu)


def cpu_so_far() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return _cpu(resource.RUSAGE_SELF) + _cpu(resource.RUSAGE_CHILDREN)


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def peak_megabytes(pid: int) -> float:
    """Return the most MiB that a process has had; 0 for one that has ended."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return 0
    return int(found[1]) / 1024 if found else 0


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process without its children; 0 for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

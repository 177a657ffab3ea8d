"""Running another program (git, uv) to its end, within a deadline; dbt has `dbt.processes`."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy_project.processes import deadlines, sessions
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.sessions import Watch
from deploy_project.processes.signals import held_signals

_LOOK_SECONDS = 0.5
"""The time between two looks at a running program."""
_PART_BYTES = 65_536

Hear = Callable[[bytes], bool]
"""Called with each part of a program's output, in a thread of its own; False: no more of it."""


@dataclass(frozen=True)
class CompletedProgram:
    """A program that has ended: its exit code, its output and its messages."""

    code: int
    output: bytes
    messages: bytes


@dataclass(frozen=True)
class Silence:
    """The longest silence, in seconds: no process called `name…` reads, writes or computes."""

    name: str
    seconds: float


def run(
    command: Sequence[str],
    *,
    seconds: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: bytes | None = None,
    silence: Silence | None = None,
    hear: Hear | None = None,
) -> CompletedProgram:
    """Run `command` to its end, with `given` as its standard input.

    With `hear`, no output is kept; a program that goes on when that wants no more of it is ended
    by its next word (SIGPIPE).

    Raises `Stopped`, with words that go after "failed", when it has been ended: after `seconds`, at
    the deadline, for its `silence`, or because this process was told to end. All that it has
    started is ended with it; so it is by an exception in this thread. Raises `OSError` or
    `ValueError` when it can't be started.
    """
    if deadlines.is_over():
        raise Stopped("to begin: the time was up")
    with (
        _file(given) as stdin,
        _output(hear) as stdout,
        held_signals() as let_signals_through,
    ):
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that its helpers can be ended together with it
        )
        look = _Look(process, seconds, silence)
        try:
            while (heard := _heard(process, look)) is None:
                if why := look.why_to_stop(is_told=let_signals_through()):
                    raise Stopped(why, look.messages)
        except BaseException:
            sessions.kill(process.pid)
            _close(process)
            process.wait()
            raise
    return heard


@contextmanager
def _file(given: bytes | None) -> Generator[int]:
    """Yield a descriptor to read `given` from: input sent in parts is lost at the first look."""
    if given is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file.fileno()


@contextmanager
def _output(hear: Hear | None) -> Generator[int]:
    """Yield the standard output for `Popen`; at the end, `hear` has got all of it."""
    if hear is None:
        yield subprocess.PIPE
        return
    reading, writing = os.pipe()
    thread = threading.Thread(target=_pass_on, args=(reading, hear), daemon=True)
    thread.start()
    try:
        yield writing
    finally:
        os.close(writing)
        thread.join()


def _pass_on(reading: int, hear: Hear) -> None:
    with open(reading, "rb", buffering=0) as output:
        while (part := output.read(_PART_BYTES)) and hear(part):
            pass


def _heard(process: subprocess.Popen[bytes], look: "_Look") -> CompletedProgram | None:
    """Return the program if it ends before the next look, with its output; else None."""
    try:
        output, look.messages = process.communicate(timeout=look.pause())
        output = output or b""  # None when somebody else hears it
    except subprocess.TimeoutExpired as late:
        output, look.messages = late.output or b"", late.stderr or b""
        if not look.has_left_the_pipes():
            return None
        _close(process)
    return CompletedProgram(process.returncode, output, look.messages)


class _Look:
    """The watch over one running program: its time, its silence, its pipes."""

    def __init__(
        self, process: subprocess.Popen[bytes], seconds: float, silence: Silence | None
    ) -> None:
        self._process, self._seconds, self._silence = process, seconds, silence
        self._until = time.monotonic() + seconds
        self._watch = Watch(process.pid, silence.name, silence.seconds) if silence else None
        self._ended: float | None = None
        self.messages = b""
        """The program's messages so far."""

    def pause(self) -> float:
        """Return the seconds until the next look."""
        left = min(self._until - time.monotonic(), deadlines.seconds_left())
        return max(0.0, min(left, _LOOK_SECONDS))

    def has_left_the_pipes(self) -> bool:
        """Return whether the program has ended, and something it has started goes on for itself.

        A shared connection of ssh does, which the user has configured.
        """
        if self._process.poll() is None:
            return False
        if self._ended is None:
            self._ended = time.monotonic()
        return time.monotonic() - self._ended > 2 * _LOOK_SECONDS

    def why_to_stop(self, *, is_told: bool) -> str:
        """Return the reason why the program must end now; empty when it may go on."""
        if is_told:
            return "to end before this process was told to, and was stopped"
        if deadlines.is_over():
            return "to end before the time was up, and was stopped"
        if time.monotonic() >= self._until:
            return f"to end within {self._seconds:g} seconds, and was stopped"
        if self._silence is not None and self._watch is not None and self._watch.is_silent():
            return f"to hear anything for {self._silence.seconds:g} seconds, and was stopped"
        return ""


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()

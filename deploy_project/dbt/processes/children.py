"""The processes that run dbt: forks of one that has imported it, or fresh ones."""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import IO, Any, Protocol

from deploy_project.errors import DbtError

_CHILD = Path(__file__).with_name("child.py")
_PATIENCE_SECONDS = 20
"""So long a process may import dbt before a fresh one takes its place."""
_LOOK_SECONDS = 0.2
_TELLS_SECONDS = 5
"""So long a process may take to tell of a fork that has ended without a word."""
_KILLS_SECONDS = 60
"""The same, where it kills all that the fork has started."""


class Process(Protocol):
    """The methods of `subprocess.Popen` that its owner uses."""

    @property
    def pid(self) -> int:
        """The leader of a session of its own."""
        ...

    def poll(self) -> int | None:
        """Return the exit code; None when it has not ended."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raise `subprocess.TimeoutExpired` when it takes longer."""
        ...


@dataclass(frozen=True)
class Child:
    """A process that waits for its order, then carries it out and ends."""

    process: Process
    stdin: IO[str]
    stdout: IO[str]
    events: int
    """The descriptor to read its events from; the owner of the child closes it."""

    def order(self, wanted: Mapping[str, Any]) -> None:
        """Send the child its order, as `child.py` describes it."""
        with suppress(BrokenPipeError):  # the child is already dead; its exit code says so
            self.stdin.write(json.dumps(wanted) + "\n")
            self.stdin.flush()  # and left open: its end tells the child that we are gone

    def go_on(self) -> None:
        """Have the child begin the command, after the listing that it has made before."""
        with suppress(BrokenPipeError):
            self.stdin.write("\n")
            self.stdin.flush()


def can_fork() -> bool:
    """Return whether commands can be forks here: Linux, with descriptors of processes.

    Old kernels have none, and a container may forbid them. Elsewhere the system's libraries don't
    bear forking.
    """
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


@dataclass(eq=False)
class Fork:
    """A fork of a `Warm` process; its parent reports a signal that has killed it."""

    pid: int
    parent: "Warm"
    told: int
    """The descriptor on which it tells its exit code, if it lives to; closed with this object."""
    returncode: int | None = None
    _alive: int = -1
    """A descriptor of the process, readable once it has ended."""

    def __post_init__(self) -> None:
        with suppress(ProcessLookupError):  # it has ended already
            self._alive = os.pidfd_open(self.pid)
            weakref.finalize(self, os.close, self._alive)
        weakref.finalize(self, os.close, self.told)

    def poll(self) -> int | None:
        """Return the exit code; None when it has not ended."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(timeout=0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raise `subprocess.TimeoutExpired` when it takes longer."""
        is_running = self.returncode is None and self._alive >= 0
        if is_running and not _is_readable(self._alive, timeout):
            raise subprocess.TimeoutExpired(["dbt"], timeout or 0)
        with self.parent.lock:
            if self.returncode is None:
                # Not to its end: what the fork has left behind may hold the descriptor, too.
                own = os.read(self.told, 10) if _is_readable(self.told, 0) else b""
                if self.parent.of_strangers or not own.isdigit():
                    heard = self.parent.code(self.pid)  # nothing that it has started is left then
                    self.returncode = int(own) if own.isdigit() else heard
                else:
                    self.returncode = int(own)
        return self.returncode


@dataclass
class Warm:
    """A process that has imported dbt, has nothing open, and forks for each command."""

    python: Path
    inherited: Mapping[str, str]
    """Its environment, which stays readable in `/proc`, and is its forks' until their order."""
    of_strangers: bool = False
    """Whether nothing that a fork has started may outlive it."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    _codes: dict[int, int] = field(default_factory=dict[int, int])

    def __post_init__(self) -> None:
        self._control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        option = "--forks-of-strangers" if self.of_strangers else "--forks"
        with its:
            self._process = subprocess.Popen(
                [str(self.python), "-I", "-u", str(_CHILD), option, str(its.fileno())],
                env=self.inherited,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )

    def child(self, goes_on: Callable[[], bool]) -> Child | None:
        """Return a fork that waits for its order; None when there can be none any more.

        While dbt is still being imported it waits, as long as `goes_on` says so.
        """
        pipes = [os.pipe() for _ in range(4)]
        (_, stdin), (stdout, _), (events, _), (code, _) = pipes
        theirs = [pipes[0][0], *(writes for _, writes in pipes[1:])]
        pid = None
        try:
            with self.lock, suppress(OSError):
                socket.send_fds(self._control, [b"c"], theirs)
                pid = self._begun(goes_on)
        finally:
            for each in (*theirs, *(() if pid else (stdin, stdout, events, code))):
                os.close(each)
        if pid is None:
            self.kill()
            return None
        return Child(
            Fork(pid, self, code),
            os.fdopen(stdin, "w", encoding="utf-8"),
            os.fdopen(stdout, encoding="utf-8", errors="replace"),
            events,
        )

    def end(self) -> None:
        """Have this process end, and wait for it: so the time of its forks counts as ours."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_LOOK_SECONDS)

    def kill(self) -> None:
        """Kill this process; its forks live on."""
        self._process.kill()
        self._process.wait()

    def code(self, pid: int) -> int:
        """Return the exit code of a fork that ended without telling; the caller holds the lock."""
        patience = _KILLS_SECONDS if self.of_strangers else _TELLS_SECONDS
        until = time.monotonic() + patience
        while pid not in self._codes:
            if "ended" not in self._hear(lambda: time.monotonic() < until):
                return -SIGKILL  # this process itself was killed, so nobody knows
        return self._codes.pop(pid)

    def _begun(self, goes_on: Callable[[], bool]) -> int | None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while fact := self._hear(lambda: goes_on() and time.monotonic() < until):
            if "begun" in fact:
                return fact["begun"]
        return None

    def _hear(self, goes_on: Callable[[], bool]) -> dict[str, int]:
        """Return the next message; empty when none comes any more, or in time."""
        while not _is_readable(self._control, _LOOK_SECONDS):
            if not goes_on():
                return {}
        try:
            message = self._control.recv(200)
        except OSError:
            message = b""
        fact: dict[str, int] = json.loads(message or b"{}")
        if "ended" in fact:
            self._codes[fact["ended"]] = fact["code"]
        return fact


def _is_readable(source: int | socket.socket, seconds: float | None) -> bool:
    """Return whether a descriptor can be read, or is at its end, within so many seconds."""
    ready = select.poll()
    ready.register(source, select.POLLIN)
    return bool(ready.poll(None if seconds is None else 1000 * seconds))


def start(python: Path, inherited: Mapping[str, str], *, ahead: bool = False) -> Child:
    """Start a process with `python`; raise `DbtError` when that can't be done.

    Of our environment it has only the variables `inherited`. It gets its own with its order:
    secrets among them are in no process list. One that is started `ahead` of it has time to do more
    meanwhile.
    """
    reads, writes = os.pipe()
    try:
        process = subprocess.Popen(
            [str(python), "-I", "-u", str(_CHILD), str(writes), *(["--ahead"] if ahead else [])],
            env=inherited,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writes],
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        os.close(reads)
        raise DbtError(f"dbt could not be started with {python}: {error}") from error
    except BaseException:
        os.close(reads)
        raise
    finally:
        os.close(writes)
    assert process.stdin is not None
    assert process.stdout is not None
    return Child(process, process.stdin, process.stdout, reads)


_ahead: dict[Path, tuple[Child, Mapping[str, str]]] = {}
_warm: dict[tuple[Path, bool], Warm] = {}
"""The processes that fork for commands of one Python, or for those of strangers."""


def start_ahead(python: Path, inherited: Mapping[str, str]) -> None:
    """Have a fresh process of `python` import dbt for the one command that is to come.

    It is a tenth of a second quicker than a fork. One that is never taken ends with ours.
    """
    if python not in _ahead:
        with suppress(DbtError):  # `taken` raises it again
            _ahead[python] = (start(python, inherited, ahead=True), inherited)


def keep_warm(python: Path, inherited: Mapping[str, str], *, of_strangers: bool = False) -> None:
    """Have a process of `python` import dbt, once, for the commands that are to come.

    That takes a second or more, which a caller with something else to do meanwhile saves. The
    process ends with ours. One for commands `of_strangers` is for no others.
    """
    if (python, of_strangers) not in _warm and can_fork():
        with suppress(OSError):  # `start` tells why
            _warm[python, of_strangers] = made = Warm(python, inherited, of_strangers)
            atexit.register(made.end)


def taken(
    python: Path,
    inherited: Mapping[str, str],
    goes_on: Callable[[], bool] = lambda: True,
    *,
    for_a_stranger: bool = False,
) -> Child:
    """Return a process of `python` that is the caller's alone: a fork, or one that is new.

    A process that was kept warm with variables that this one must not have is left. Fewer are no
    matter: the order has all variables. A fork is waited for only as long as `goes_on` says so. A
    stranger's process is a fork wherever there can be one, so that nothing outlives it.
    """
    if for_a_stranger:
        keep_warm(python, inherited, of_strangers=True)
    elif python in _ahead and _ahead[python][1].items() <= inherited.items():
        ready, _ = _ahead.pop(python)
        if ready.process.poll() is None:
            return ready
        os.close(ready.events)  # somebody has killed it while it waited
    warm = _warm.get((python, for_a_stranger))
    if warm is not None and warm.inherited.items() <= inherited.items():
        child = warm.child(goes_on)
        if child is not None:
            return child
        del _warm[python, for_a_stranger]  # it was killed, or can't import dbt, as the next says
    return start(python, inherited)

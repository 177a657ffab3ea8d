"""The only door to dbt: one command is one process of the environment's own Python."""

import math
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from deploy_project.dbt.arguments import flags
from deploy_project.dbt.arguments.commands import ListCommand, changes_files, subcommand
from deploy_project.dbt.artifacts.events import NOT_DBTS, Event, Listed, parse, shortened
from deploy_project.dbt.processes import children
from deploy_project.dbt.processes.child import GRACE_SECONDS
from deploy_project.dbt.processes.children import Child, Process
from deploy_project.dbt.processes.sandbox import Sandbox
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import DbtError
from deploy_project.processes import deadlines, sessions
from deploy_project.processes.sessions import SILENCE_SECONDS, Watch
from deploy_project.processes.signals import held_signals

TERM_SECONDS = 5
_LOOK_SECONDS = 1
_HOME = "home"
LONGEST_LINE = 1 << 16
"""Characters; a longer line is heard in several parts."""
LONGEST_EVENT = 1 << 26
"""Characters of the line of one event: a listing has all nodes of a project."""
_WAITING = 1 << 12
"""Parts of events that wait to be heard; with more, dbt waits until they have been."""
_PART = 1 << 16
"""Characters that count as one of them."""
_UNASKED = "among dbt's events is a list of nodes that nobody has asked for"


@dataclass(frozen=True)
class Invocation:
    """One dbt command and everything it depends on."""

    arguments: tuple[str, ...]
    python: Path
    project_directory: Path
    profiles_directory: Path
    target_directory: Path
    """Where dbt writes its artifacts; made when missing."""
    debug_log: Path
    temporary: Path
    """The directory of temporary files for dbt and all that it starts; made when missing."""
    inherited: Mapping[str, str] = field(default_factory=dict[str, str])
    """The variables that it has from our own environment."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """The other variables that the project sees through `env_var()`; secrets among them."""
    secrets: Sequence[str] = ()
    """The spellings of those secrets that it may know, and leaves out of its debug log."""
    state: Path | None = None
    """A directory with a `manifest.json` to compare and defer to (CI-7)."""
    program: Path | None = None
    """A file that takes dbt's place: its `main` gets the arguments, and has dbt at hand."""
    before: ListCommand | None = None
    """A listing that dbt makes before it begins the command."""
    sandbox: Sandbox | None = None
    """The limits of a stranger's command, beside which it reaches the files named here; or None."""


@dataclass(frozen=True)
class Program:
    """A program in dbt's place: a file with a `main`, and a Python with the packages it needs."""

    python: Path
    file: Path


@dataclass(frozen=True)
class Exit:
    """The end of a dbt process: its code (negative for a signal), and whether time ran out."""

    code: int
    timed_out: bool = False


def variables(invocation: Invocation) -> dict[str, str]:
    """Return the whole environment of the process.

    Deferral goes through dbt's own variables as dbt Cloud does it (CI-7), so that a `--state` in
    the command still wins and commands without deferral don't mind.
    """
    deferral = (
        {}
        if invocation.state is None
        else {"DBT_STATE": str(invocation.state), "DBT_DEFER": "true"}
    )
    ours = {
        **deferral,
        "DBT_PROJECT_DIR": _project_directory(invocation),
        "DBT_PROFILES_DIR": str(invocation.profiles_directory),
        "DBT_TARGET_PATH": _target_directory(invocation),
        "DBT_LOG_PATH": str(invocation.debug_log.parent),
        "DBT_LOG_LEVEL_FILE": "none",  # the child writes the debug log, scrubbed and cheaper
    }
    temporary = {"TMPDIR": str(invocation.temporary)}
    if invocation.sandbox is not None:
        temporary["HOME"] = str(invocation.temporary / _HOME)
    return {
        **invocation.inherited,
        **flags.DEFAULTS,
        **flags.over(invocation.variables, ours),
        "PYTHONUNBUFFERED": "1",
        **temporary,
    }


def _target_directory(invocation: Invocation) -> str:
    """Return the directory of artifacts; for `dbt clean`, the one to delete: of the run's copy.

    It deletes that where a project has no `clean-targets`, and nothing outside of the project.
    """
    if subcommand(invocation.arguments) == "clean":
        return str(invocation.project_directory / "target")
    return str(invocation.target_directory)


def _project_directory(invocation: Invocation) -> str:
    """Return the project's directory, relative to the one that dbt works in where it parses.

    So is each path in the parse then: it is of use in any copy of the tree, and never leads to the
    files of another one. `dbt clean` takes `.` for a directory with nothing in it.
    """
    return str(invocation.project_directory) if changes_files(invocation.arguments) else "."


def run(
    invocation: Invocation,
    *,
    scrubber: Scrubber,
    on_event: Callable[[Event], None],
    on_line: Callable[[str], None],
    timeout_seconds: float | None = None,
) -> Exit:
    """Run one command to its end; call `on_event` for each event, `on_line` for each console line.

    Both callbacks get text without the secrets of `scrubber`, which the process is not told;
    `on_line` is called from another thread. Any exception in this thread, an interrupt above all,
    first ends dbt's whole process group: politely, so that dbt cancels its queries, then not; so
    does the end of `timeout_seconds`, and the deadline. An exception that `on_event` raises for the
    listing before the command keeps the command from beginning.
    """
    # Until they are scrubbed, dbt's files are for nobody else.
    invocation.target_directory.mkdir(parents=True, exist_ok=True)
    invocation.target_directory.chmod(0o700)
    invocation.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    order = _order(invocation)
    seconds = deadlines.limited(math.inf if timeout_seconds is None else timeout_seconds)
    until = time.monotonic() + seconds
    lines = _EventLines()
    with held_signals(wake=lines.wake) as let_signals_through:
        is_interrupted = False

        def goes_on() -> bool:
            nonlocal is_interrupted
            is_interrupted = is_interrupted or let_signals_through()
            return not is_interrupted and time.monotonic() < until

        child = children.taken(
            invocation.python,
            invocation.inherited,
            goes_on,
            for_a_stranger=invocation.sandbox is not None,
        )
        process = child.process
        over, expired = threading.Event(), threading.Event()
        listener = threading.Thread(target=lines.listen, args=(child,), daemon=True)
        reader = threading.Thread(target=_read, args=(child, scrubber, on_line, over), daemon=True)
        timer = _timer(process, until - time.monotonic(), expired)
        try:
            listener.start()
            reader.start()
            if is_interrupted:
                stop(process)
            if invocation.arguments[:1] == ("deps",):
                threading.Thread(target=_end_silent_git, args=(process,), daemon=True).start()
            child.order(order)
            for event in _events(lines, scrubber, awaits_listing=invocation.before is not None):
                if let_signals_through():
                    stop(process)
                if event is not None:
                    on_event(event)
                if isinstance(event, Listed):
                    child.go_on()
        except BaseException:
            stop(process)
            raise
        finally:
            timer.cancel()
            lines.close()
            if (process.poll() or 0) < 0:
                sessions.kill(process.pid)  # a crash leaves behind what it has started
            reader.join(timeout=GRACE_SECONDS)
            over.set()
            with suppress(BrokenPipeError):  # it may have died with the order unread
                child.stdin.close()
    return Exit(process.wait(), timed_out=expired.is_set())


def _order(invocation: Invocation) -> dict[str, Any]:
    """Return the child's order; raise `DbtError` for one that no process could take."""
    given = variables(invocation)
    if any("\0" in text for text in (*invocation.arguments, *given, *given.values())):
        raise DbtError(
            "dbt could not be started: embedded null byte in its command or in a variable; take "
            "it out"
        )
    if not invocation.project_directory.is_dir():
        raise DbtError(
            f"dbt could not be started: there is no directory {invocation.project_directory}"
        )
    sandbox = _sandbox(invocation)
    return {
        "arguments": invocation.arguments,
        "directory": str(invocation.project_directory),
        "variables": given,
        "debug_log": str(invocation.debug_log),
        "secrets": invocation.secrets,
        "program": str(invocation.program) if invocation.program else None,
        "before": invocation.before.commands() if invocation.before else None,
        "sandbox": sandbox.order() if sandbox else None,
    }


def _sandbox(invocation: Invocation) -> Sandbox | None:
    """Return the limits of a stranger's command, with the files that every command needs."""
    if invocation.sandbox is None:
        return None
    named = (invocation.state, invocation.program)
    reads = (invocation.project_directory, invocation.profiles_directory, *filter(None, named))
    # Made by us: the directory that it is in has files of ours, and is not the stranger's to write.
    invocation.debug_log.touch()
    writes = (invocation.target_directory, invocation.debug_log, invocation.temporary)
    _make_home(invocation)
    return invocation.sandbox.reaching(reads=reads, writes=writes)


def _make_home(invocation: Invocation) -> None:
    """Make the home of a stranger's process, where DuckDB finds the extensions installed here."""
    home = invocation.temporary / _HOME / ".duckdb"
    shutil.rmtree(invocation.temporary, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    own = invocation.inherited.get("HOME")
    if own and os.path.isdir(extensions := os.path.join(own, ".duckdb", "extensions")):
        (home / "extensions").symlink_to(extensions)


class _EventLines:
    """A queue for the lines of dbt's events; dbt waits while it is full.

    The project's code can write there, too, and whatever it likes: a line without an end, say.
    """

    def __init__(self) -> None:
        self._waiting = SimpleQueue[str | None]()
        self._room = threading.Semaphore(_WAITING)

    def __iter__(self) -> Iterator[str]:
        """Yield each line until dbt has ended, and an empty one when woken.

        Raises `DbtError` for a line that is too long.
        """
        for line in iter(self._waiting.get, None):
            if len(line) == LONGEST_EVENT:
                raise DbtError(
                    f"an event of dbt's has more than {LONGEST_EVENT:,} characters; {NOT_DBTS}"
                )
            yield line
            if line:
                self._room.release(_parts(line))

    def wake(self) -> None:
        """Yield an empty line, for a look at signals; safe to call in their handlers."""
        self._waiting.put("")

    def listen(self, child: Child) -> None:
        """Take in all lines of a child; for a thread of its own."""
        with os.fdopen(child.events, encoding="utf-8", errors="replace") as stream:
            while line := stream.readline(LONGEST_EVENT):
                for _ in range(_parts(line)):
                    self._room.acquire()
                self._waiting.put(line)
        child.process.wait()
        self._waiting.put(None)

    def close(self) -> None:
        """Have the thread that listens end by itself: nobody hears any more."""
        self._room.release(_WAITING)


def _events(
    lines: Iterable[str], scrubber: Scrubber, *, awaits_listing: bool
) -> Iterator[Event | None]:
    """Yield the events in `lines` without secrets, None for a line that is none of dbt's.

    Raises `DbtError` for a listing that nobody has asked for, and for what is no event.
    """
    for line in lines:
        if not line.endswith("\n"):  # we were woken, or dbt was killed while it wrote
            yield None
            continue
        event = parse(line, shown=lambda text: shortened(scrubber.text(text)))
        if isinstance(event, Listed):
            if not awaits_listing:
                raise DbtError(f"{_UNASKED}; {NOT_DBTS}")
            awaits_listing = False
        yield event


def _parts(line: str) -> int:
    return 1 + len(line) // _PART


def _read(
    child: Child, scrubber: Scrubber, on_line: Callable[[str], None], over: threading.Event
) -> None:
    """Pass on the lines until the command is `over`: something that it has left may write more."""
    with child.stdout as stream:
        for line in _lines(stream, scrubber):
            if over.is_set():
                return
            on_line(line)


def _lines(stream: IO[str], scrubber: Scrubber) -> Iterator[str]:
    """Yield the lines without secrets; one that is too long in parts, none with half a secret."""
    rest = ""
    while read := stream.readline(LONGEST_LINE):
        line, rest = rest + read, ""
        if line.endswith("\n"):
            yield scrubber.text(line[:-1])
        elif len(read) == LONGEST_LINE:
            line, rest = scrubber.part(line)
            yield line
        else:
            yield scrubber.text(line)
    if rest:
        yield scrubber.text(rest)


def _timer(process: Process, seconds: float, expired: threading.Event) -> threading.Timer:
    def expire() -> None:
        expired.set()
        stop(process)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    if seconds < threading.TIMEOUT_MAX:
        timer.start()
    return timer


def _end_silent_git(process: Process) -> None:
    """End each git of `dbt deps` that hears nothing; dbt, which waits for ever, then fails."""
    watch = Watch(process.pid, "git", SILENCE_SECONDS)
    while process.poll() is None:
        if watch.is_silent():
            watch.kill()
        time.sleep(_LOOK_SECONDS)


def stop(process: Process) -> None:
    """End dbt and all that it has started.

    Its process group first gets SIGINT, so that dbt cancels its queries, then SIGTERM, then
    SIGKILL: always, for what dbt has started may outlive it.
    """
    known = sessions.members(process.pid)
    for number, patience in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGTERM, TERM_SECONDS)):
        with suppress(subprocess.TimeoutExpired, ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
            process.wait(timeout=patience)
    sessions.kill(process.pid, known=known)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=TERM_SECONDS)

"""The context of a step while it runs: its console, its progress, the listeners to dbt's events."""

import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from upath import UPath

from deploy_project.dbt.arguments.commands import ListCommand
from deploy_project.dbt.artifacts.events import Event, NodeFinished, Problem, Version
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.plan import Step
from deploy_project.runs.model.run import Run

_REMEMBERED_LINES = 200  # a traceback of dbt's is long, and its message comes before it
_REMEMBERED_REASONS = 3
_FAILED = frozenset({"error", "fail", "error stale", "runtime error"})


@dataclass(frozen=True)
class CommandContext:
    """The command that a listener hears: its run, step, code, workspace and directories."""

    run: Run
    step: Step
    source: Code
    workspace: Workspace
    target_directory: Path
    artifacts: UPath
    """The place where the step's directory will be kept."""
    state: Path | None = None
    """The directory of the state that the command is compared with and deferred to."""
    say: Callable[[str], None] = print
    """Writes a line into the step's log."""


class Listener(Protocol):
    """Hears the events of one dbt command as they happen."""

    def opened(self, context: CommandContext) -> ListCommand | None:
        """Hear that dbt is about to start; return a list command to run first, or None."""
        ...

    def heard(self, event: Event) -> None:
        """Hear one of dbt's events: the end of a node, say, or the list made before the command.

        A `DeployError` about the listed nodes keeps the command from beginning.
        """
        ...

    def closed(self) -> None:
        """Hear that dbt has ended by itself; its artifacts are in the target directory."""
        ...


class NoListener:
    """Hears nothing; for runs that must not touch production's assets (DESIGN 4)."""

    def opened(self, context: CommandContext) -> None:
        """Take no notice."""

    def heard(self, event: Event) -> None:
        """Take no notice."""

    def closed(self) -> None:
        """Take no notice."""


class OfTrustedCode:
    """A listener that hears nothing of code that is not of its environment's branch."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._hears = listener, False

    def opened(self, context: CommandContext) -> ListCommand | None:
        """Pass it on if the code is trusted."""
        self._hears = context.workspace.stranger is None
        return self._listener.opened(context) if self._hears else None

    def heard(self, event: Event) -> None:
        """Pass it on."""
        if self._hears:
            self._listener.heard(event)

    def closed(self) -> None:
        """Pass it on."""
        if self._hears:
            self._listener.closed()


class Listeners:
    """Several listeners, one after the other."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def opened(self, context: CommandContext) -> ListCommand | None:
        """Pass it on; return the first list command that a listener wants."""
        wanted = [each.opened(context) for each in self._listeners]
        return next((each for each in wanted if each is not None), None)

    def heard(self, event: Event) -> None:
        """Pass it on."""
        for each in self._listeners:
            each.heard(event)

    def closed(self) -> None:
        """Pass it on."""
        for each in self._listeners:
            each.closed()


class Console:
    """The step's console log: a file, and this process's standard output at the same time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.said: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        """The last lines, for error messages."""

    def say(self, line: str) -> None:
        """Write one line; safe from any thread."""
        with self._lock:
            for stream in (self._stream, sys.stdout):
                # dbt must not wait for a full disk or a closed stream; closing the file tells.
                with suppress(OSError, ValueError):
                    print(line, file=stream, flush=True)
            self.said.append(line)


@dataclass
class Progress:
    """The progress of a step while it runs: its counts, failures and findings."""

    counts: Counter[str] = field(default_factory=Counter[str])
    facts: dict[str, int] = field(default_factory=dict[str, int])
    """Other counts of the step, by name."""
    failed: int = 0
    """The number of failed nodes."""
    reasons: list[str] = field(default_factory=list[str])
    """The messages of the first of them, in dbt's words."""
    problems: list[str] = field(default_factory=list[str])
    """The command's own errors beside those of its nodes, in dbt's words."""
    exit_code: int | None = None
    command: str = ""
    """The command that dbt really ran if it was not the step's own, such as `dbt retry`."""
    dbt_version: str = ""
    invocation_id: str = ""
    overview: str = ""
    """The findings of the step, in Markdown."""
    deferred_to: str = ""
    """The run of the state that the command is compared with and deferred to."""
    scrubber: Scrubber = field(default_factory=lambda: Scrubber([]))

    def heard(self, event: Event) -> None:
        """Take note of one of dbt's events."""
        if isinstance(event, NodeFinished):
            self.counts[event.status] += 1
            if event.status in _FAILED:
                self.failed += 1
                if len(self.reasons) < _REMEMBERED_REASONS:
                    self.reasons.append(f"{event.name}: {event.message}".strip(": \n"))
        elif isinstance(event, Problem):
            if len(self.problems) < _REMEMBERED_REASONS:
                self.problems.append(event.message)
        elif isinstance(event, Version):
            self.dbt_version, self.invocation_id = event.dbt_version, event.invocation_id

    @property
    def why(self) -> str:
        """The messages of a few failed nodes, and the number of the others."""
        more = self.failed - len(self.reasons)
        return "\n".join([*self.reasons, *([f"and {more} more"] if more else [])])


@dataclass(frozen=True)
class StepContext:
    """One step in progress: its run, scratch directory, console, progress and listener."""

    run: Run
    step: Step
    directory: Path
    """Scratch; kept among the artifacts when the step has ended."""
    console: Console
    progress: Progress
    listener: Listener

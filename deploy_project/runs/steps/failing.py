"""The nodes that have failed in a run that goes on: `failing.json` among its artifacts.

Whoever wants to know before the end reads it, on any machine; the facts of the run have it all.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.events import Event, NodeFinished
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.run_facts import FailureFacts
from deploy_project.runs.model.step_context import CommandContext
from deploy_project.runs.outcome.facts import plain
from deploy_project.runs.outcome.failure_place import place
from deploy_project.runs.store.artifacts import Artifacts

FILE = "failing.json"
_FAILED = frozenset({"error", "fail", "runtime error"})
_MOST = 100
_PAUSE_SECONDS = 10.0
"""Between two writes: an object store takes its time, and a run may fail in a thousand nodes."""
_ADAPTER = TypeAdapter(tuple[FailureFacts, ...])


@dataclass
class FailureNotes:
    """A listener that notes the failed nodes of a step's command among the run's artifacts."""

    clock: Callable[[], float] = time.monotonic
    _found: list[FailureFacts] = field(default_factory=list[FailureFacts], init=False)
    _context: CommandContext | None = field(default=None, init=False)
    _due_at: float | None = field(default=None, init=False)
    _written_at: float | None = field(default=None, init=False)

    def opened(self, context: CommandContext) -> None:
        """Take the context of the command that begins."""
        self._context = context

    def heard(self, event: Event) -> None:
        """Note a node that has failed: the first at once, the others some seconds apart."""
        context = self._context
        assert context is not None
        failed = event if isinstance(event, NodeFinished) and event.status in _FAILED else None
        if failed is not None and len(self._found) < _MOST:
            self._found.append(_failure(failed, context))
            if self._due_at is None:
                last = self._written_at
                self._due_at = self.clock() if last is None else last + _PAUSE_SECONDS
        if self._due_at is not None and self.clock() >= self._due_at:
            self._write()

    def closed(self) -> None:
        """Write down the rest."""
        if self._due_at is not None:
            self._write()

    def _write(self) -> None:
        context = self._context
        assert context is not None
        self._due_at, self._written_at = None, self.clock()
        artifacts = context.run.artifacts
        try:
            text = _ADAPTER.dump_json(tuple(self._found)).decode()
            artifacts.write_text(artifacts.run(context.run.id) / FILE, text)
        except ArtifactError as error:  # the run goes on, and its end is told
            context.say(f"The failures so far can't be told before the end: {error}")


def _failure(event: NodeFinished, context: CommandContext) -> FailureFacts:
    message = context.workspace.scrubber.text(plain(event.message))
    file, line = place(message)
    return FailureFacts(
        context.step.index,
        message,
        event.unique_id,
        node_names.name(event.unique_id),
        file,
        line,
    )


def failures_so_far(artifacts: Artifacts, run_id: str) -> Sequence[FailureFacts]:
    """Return the nodes that have failed in a run so far; none where that can't be read."""
    file = artifacts.run(run_id) / FILE
    try:
        with artifacts.explained(f"reading {file}"):
            return _ADAPTER.validate_json(file.read_bytes())
    except (ArtifactError, ValidationError):
        return ()

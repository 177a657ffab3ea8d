"""The first parse of a commit by a run: its start from another commit's, and its keeping."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy_project.dbt.artifacts.events import Adapter, Event, Problem
from deploy_project.dbt.processes.process import Exit
from deploy_project.releases import parses
from deploy_project.releases.parses import Start
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model.plan import Step
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.step_context import StepContext

_PARSED_WITH = ("--vars", "--full-refresh")
_UNHANDLED = 2
"""The exit code of a dbt that has met an error which is no node's."""


@dataclass
class FirstParse:
    """The parse of a command that is the first to parse its commit."""

    run: Run
    step: Step
    workspace: Workspace
    target: Path
    start: Start | None
    """None where no other commit may start from this one."""
    _begun: bool = False
    _held: list[Event] = field(default_factory=list[Event])

    @classmethod
    def begun(cls, context: StepContext, workspace: Workspace, target: Path) -> "FirstParse":
        """Lend the parse of another commit to the command of a step, and say so."""
        run, step = context.run, context.step
        start = None if workspace.stranger is not None else parses.begin(workspace, target)
        if start and start.manifest and is_own(run, step, start.manifest):
            start.drop(target)
            start = replace(start, commit="", manifest=None)
        if start and start.commit:
            context.console.say(f"Starting from the parse of commit {start.commit[:12]}")
        return cls(run, step, workspace, target, start)

    def heard(self, event: Event, pass_on: Callable[[Event], None]) -> None:
        """Pass an event on, save an error that the parse of another commit may be to blame for."""
        self._begun = self._begun or isinstance(event, Adapter)
        if isinstance(event, Problem) and self._is_unsure():
            self._held.append(event)
        else:
            pass_on(event)

    def failed(self, ended: Exit) -> str:
        """Return a line about the parse of another commit, if that has failed; take it back then.

        Empty otherwise.
        """
        is_parse = self._begun and ended.code == _UNHANDLED and not ended.timed_out
        if self.start is None or not is_parse or not self._is_unsure():
            return ""
        line = self.start.failed
        self.start.drop(self.target)
        self.start = replace(self.start, commit="", manifest=None)
        self._held.clear()
        return line

    def keep(self, pass_on: Callable[[Event], None]) -> None:
        """Keep the parse, unless it holds settings of this job alone; pass held events on."""
        for event in self._held:
            pass_on(event)
        if not is_own(self.run, self.step, self.target / "manifest.json"):
            workspace = self.workspace
            parses.keep(self.target, workspace.parsed, workspace.scrubber, self.start)

    def _is_unsure(self) -> bool:
        is_lent = self.start is not None and self.start.commit
        return bool(is_lent) and not (self.target / "manifest.json").exists()


def is_own(run: Run, step: Step, manifest: Path) -> bool:
    """Return whether a parse may hold settings of this job alone: it is kept for no other job.

    Nor does the job start from such a parse of another commit. dbt sees in a parse neither for
    which flags it was made nor for how many threads.
    """
    if any(word.startswith(_PARSED_WITH) or word == "-f" for word in step.arguments):
        return True
    threads = run.job.threads
    has_own = threads is not None and threads != run.environment.threads
    return has_own and manifest.is_file() and b"target.threads" in manifest.read_bytes()

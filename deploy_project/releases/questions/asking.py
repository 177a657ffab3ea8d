"""Queries to a warehouse by macros of ours in the environment's dbt, without the user's code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.processes.process import Exit
from deploy_project.dbt.project.profiles import project_file
from deploy_project.dbt.relations import selects, stand_in
from deploy_project.dbt.relations.selects import Selected
from deploy_project.dbt.relations.stand_in import Fact, MacroResult
from deploy_project.releases.workspace import Workspace

_GIVE_UP_AFTER = 3


@dataclass(frozen=True)
class Asking:
    """A connection on which macros of ours run."""

    workspace: Workspace
    directory: Path
    """Receives `target/` and `dbt.log` of each call."""

    def call(
        self,
        macro: str,
        given: object,
        *,
        on_fact: Callable[[Fact], None] = lambda _: None,
        on_line: Callable[[str], None] = lambda _: None,
        timeout_seconds: float | None = None,
    ) -> tuple[Exit, MacroResult]:
        """Run a macro of ours; return dbt's exit, and the macro's facts and lines until then."""
        answer = MacroResult(on_fact, on_line, self.workspace.scrubber.text)
        ended = self.workspace.run(
            stand_in.call(self.workspace.project_directory, macro, given),
            directory=self.directory,
            on_line=answer.hear,
            timeout_seconds=timeout_seconds,
        )
        return ended, answer

    def each(
        self,
        macro: str,
        wanted: Mapping[str, object],
        *,
        on_fact: Callable[[Fact], None] = lambda _: None,
        timeout_seconds: Callable[[], float | None] = lambda: None,
        **common: object,
    ) -> tuple[list[Fact], dict[str, str]]:
        """Run `macro` over `wanted`; return its facts, and an error for each name that has failed.

        The macro gets `given().each`, pairs of name and value, and `common`; each of its facts
        has such a name as `of`, and one with `done` is its last. A failure does not stop the
        others, for another process goes on; where three fail in a row, the warehouse is taken to be
        away, and the rest fails, too.
        """
        left, facts, errors = dict(wanted), list[Fact](), dict[str, str]()
        failures = 0
        while left:
            given = {**common, "each": [list(each) for each in left.items()]}
            ended, answer = self.call(
                macro, given, on_fact=on_fact, timeout_seconds=timeout_seconds()
            )
            facts += answer.facts
            done = {fact["of"] for fact in answer.facts if "done" in fact}
            left = {key: value for key, value in left.items() if key not in done}
            failures = 1 if done else failures + 1
            gives_up = failures == _GIVE_UP_AFTER or ended.timed_out
            for key in list(left)[: None if gives_up else 1]:
                errors[key] = last_words(answer.said)
                del left[key]
        return facts, errors


def asking(workspace: Workspace, directory: Path, macros: str) -> Asking:
    """Return the connection of `workspace` with `macros`; all that is made is in `directory`."""
    project = directory / "project"
    stand_in.write_project(project, project_file(workspace.project_directory), macros)
    return Asking(replace(workspace, project_directory=project), directory)


def selected(
    workspace: Workspace,
    statements: Mapping[str, str],
    *,
    most: int,
    directory: Path,
    timeout_seconds: Callable[[], float | None] = lambda: None,
) -> dict[str, Selected]:
    """Return at most `most` rows of each of `statements`, which are SELECTs, by the same names.

    A statement that fails is told as such (`Asking.each`). All that is made is in `directory`;
    dbt's log is in it, with the rows.
    """
    ask = asking(workspace, directory, selects.MACROS)
    facts, errors = ask.each(selects.MACRO, statements, timeout_seconds=timeout_seconds, most=most)
    found = selects.answered(facts)
    return {key: Selected(error=errors[key]) if key in errors else found[key] for key in statements}

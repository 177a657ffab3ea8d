"""The results of a run's commands, read from the artifacts that they have left."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError

from upath import UPath

from deploy_project.dbt.arguments.commands import changes_warehouse
from deploy_project.dbt.artifacts.manifest import build_parents, read_manifest
from deploy_project.dbt.artifacts.results import read_run_results
from deploy_project.errors import ArtifactError, DbtError
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.timing.model_timing import Command, Timing, timing


@dataclass(frozen=True)
class CommandResults:
    """The results of the command of one step."""

    step: StepRecord
    command: Command


def command_results(run: Run, records: Sequence[StepRecord]) -> list[CommandResults]:
    """Return the results of all commands of the run that built or tested something.

    A killed dbt may leave files cut off: its command is left out.
    """
    found: list[CommandResults] = []
    for record in records:
        if not changes_warehouse(record.arguments):
            continue
        target = run.artifacts.run(run.id) / record.directory / "target"
        try:
            with run.artifacts.explained(f"reading {target}"):
                found += [CommandResults(record, each) for each in _command(target)]
        except (ArtifactError, DbtError, CycleError) as error:
            print(f"Model timing leaves out {record.name}: {error}", file=sys.stderr)
    return found


def timing_of(results: Sequence[CommandResults]) -> Timing:
    """Return the timing of the commands that have left `results` (RUN-7)."""
    return timing([each.command for each in results])


def _command(target: UPath) -> Iterator[Command]:
    """Yield the command that has left `target`; none when it came to nothing."""
    if not (target / "run_results.json").exists():
        return
    found = read_run_results(target / "run_results.json")
    manifest = read_manifest(target / "manifest.json")
    # `dbt retry` names the command that it repeats.
    parents = build_parents(manifest) if found.command == "build" else manifest.parents
    yield Command(found.results, parents)

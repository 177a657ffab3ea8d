"""The facts of a command that dbt's artifacts lack: deferred nodes, and rows of failed tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.dbt.artifacts.results import Readable
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.run_facts import Sample

FILE = "findings.json"
"""Its name in the directory of the step."""


@dataclass(frozen=True)
class CommandFacts:
    """The facts that the comment on the pull request tells beside the results."""

    deferred: tuple[str, ...] = ()
    """The unique ids of the nodes that were read from where another run has built them."""
    samples: Mapping[str, Sample] = field(default_factory=dict[str, Sample])
    """Rows that tests have found, by the unique id of the test."""


_ADAPTER = TypeAdapter(CommandFacts)


def write(findings: CommandFacts, directory: Path) -> None:
    """Write `findings` into the directory of a step, to be kept with its files."""
    small_files.write_text(directory / FILE, _ADAPTER.dump_json(findings, indent=2).decode())


def read(file: Readable) -> CommandFacts:
    """Return the facts in `file`; raise `ArtifactError` when it holds anything else."""
    try:
        return _ADAPTER.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(f"{file} does not tell what a command has come to: {error}") from error

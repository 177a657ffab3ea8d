"""The record of one ended step, and its JSON form `step.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from deploy_project.errors import ArtifactError
from deploy_project.runs.model.status import Status


@dataclass(frozen=True)
class StepRecord:
    """One step of a run, as `step.json` keeps it."""

    index: int
    key: str
    name: str
    kind: str
    status: Status
    started_at: datetime
    finished_at: datetime
    arguments: tuple[str, ...] = ()
    exit_code: int | None = None
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of nodes that ended with each of dbt's statuses."""
    facts: Mapping[str, int] = field(default_factory=dict[str, int])
    """Other counts of the step, by name."""
    dbt_version: str = ""
    invocation_id: str = ""
    overview: str = ""
    """Its findings in Markdown; for steps that have any."""
    deferred_to: str = ""
    """The run of the state that it was compared with and deferred to."""
    done_by: str = ""
    """The run that has done this step, when a retry of that run leaves it out."""

    @property
    def seconds(self) -> float:
        """The seconds that it took."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def directory(self) -> str:
        """Its directory among the run's artifacts."""
        return step_directory(self.index, self.key)


_ADAPTER = TypeAdapter(StepRecord)


def step_directory(index: int, key: str) -> str:
    """Return the name of a step's directory, such as `04-dbt-build`."""
    return f"{index:02d}-{key.replace('_', '-')}"


def to_json(record: StepRecord) -> str:
    """Return `record` as JSON, for `from_json`."""
    return _ADAPTER.dump_json(record, indent=2).decode()


def from_json(content: str, *, where: str) -> StepRecord:
    """Return the record that `to_json` wrote; raise `ArtifactError` naming `where` for another."""
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise ArtifactError(f"{where} is not the record of a step: {error}") from error

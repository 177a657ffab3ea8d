"""The facts of a run that has ended, and their JSON form `run.json` (DESIGN 16)."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, NonNegativeInt, TypeAdapter, ValidationError

from deploy_project.config.files.model import LARGEST_COUNT
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.store.artifacts import FACTS, Artifacts

VERSION: Literal[1] = 1
"""The number of the form; a change that this code's reader would not bear makes it another one."""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Docs = Literal["", "published", "made", "failed", "skipped"]
"""The docs step of a run: none, published, made but kept apart, failed, or not reached."""


@dataclass(frozen=True)
class CodeFacts:
    """The code of a run; `subject` and `author` are empty where the commit is not at hand."""

    commit: str
    branch: str
    subject: str = ""
    author: str = ""
    merged_with: str = ""
    """The base that a pull request's commit is merged with, such as `main at abc1234`."""
    outage: str = ""
    """The reason for building the last known commit: the remote did not answer."""


@dataclass(frozen=True)
class NodeFacts:
    """One node in one command of a run."""

    unique_id: str
    resource_type: str
    name: str
    step: Count
    status: str
    """dbt's own word: success, error, skipped, pass, fail, warn, no-op, …"""
    message: str = ""
    thread: str = ""
    started_at: AwareDatetime | None = None
    """None for a node that did nothing."""
    finished_at: AwareDatetime | None = None
    seconds: float = 0.0
    queue_seconds: float = 0.0
    is_critical: bool = False
    """Whether it is on the critical path."""
    failures: Count | None = None
    """The rows that a test has found."""


@dataclass(frozen=True)
class CountedTests:
    """The tests of a run by their last result."""

    passed: NonNegativeInt = 0
    warned: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    errored: NonNegativeInt = 0
    skipped: NonNegativeInt = 0


@dataclass(frozen=True)
class FreshnessFacts:
    """The freshness of one source table, as `dbt source freshness` has measured it."""

    unique_id: str
    name: str
    status: str
    max_loaded_at: AwareDatetime | None = None
    snapshotted_at: AwareDatetime | None = None
    age_seconds: float | None = None
    warn_after_seconds: float | None = None
    error_after_seconds: float | None = None
    message: str = ""


@dataclass(frozen=True)
class FailureFacts:
    """One reason of a run's failure: a node that has failed, or a step that has without one."""

    step: int
    message: str
    """dbt's own."""
    unique_id: str = ""
    name: str = ""
    file: str = ""
    """Relative to the dbt project, where the message names it."""
    line: int | None = None
    """In the file, or in the SQL that it compiles to, where the message names it."""
    skipped: tuple[str, ...] = ()
    """The unique ids of the nodes that dbt has skipped for it."""


@dataclass(frozen=True)
class Sample:
    """The first rows of a table, as text; None is NULL."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class Deferral:
    """The state that a run was compared with and deferred to."""

    to: str
    """Such as `environment 'production'`."""
    run_id: str
    """The run that has published it."""


@dataclass(frozen=True)
class ArtifactFacts:
    """One file among the artifacts of a run."""

    path: str
    """Relative to the run's directory."""
    size: NonNegativeInt
    """In bytes."""


@dataclass(frozen=True)
class RunFacts:
    """The facts of one run that has ended, as `run.json` keeps them."""

    run_id: str
    number: int
    """The one that stands for it where dbt Cloud has a number."""
    job: str
    job_id: int
    environment: str
    project: str
    status: Status
    """Success, Error or Cancelled."""
    reason: str
    """The message of what has ended it; empty for a success."""
    trigger: str
    cause: str
    who: str
    """The person or machine that has asked for it; empty when a trigger has."""
    created_at: AwareDatetime | None
    started_at: AwareDatetime
    finished_at: AwareDatetime
    code: CodeFacts | None
    """None when it ended before it knew its commit."""
    target: str = ""
    schema: str = ""
    """The schema that it was asked to build into; empty for the environment's."""
    dbt_version: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it was asked for instead of what its job says, by the names of dbt Cloud's API."""
    unpublished: str = ""
    """The reason why it was not to publish anything; empty for none."""
    is_strangers: bool = False
    """Whether its code is not of its environment's branch."""
    pull_request: int | None = None
    upstream_run: str = ""
    resumed_run: str = ""
    deactivated: str = ""
    """The reason why its job is deactivated, when this run's failure has done it."""
    failed_steps: tuple[str, ...] = ()
    """The check-boxes that have failed without failing the run."""
    steps: tuple[StepRecord, ...] = ()
    nodes: tuple[NodeFacts, ...] = ()
    tests: CountedTests = field(default_factory=CountedTests)
    freshness: tuple[FreshnessFacts, ...] = ()
    failures: tuple[FailureFacts, ...] = ()
    rows: Mapping[str, Sample] = field(default_factory=dict[str, Sample])
    """The first rows that tests have found, by their unique ids, where the environment shows them.
    """
    deferral: Deferral | None = None
    docs: Docs = ""
    artifacts: tuple[ArtifactFacts, ...] = ()
    version: Literal[1] = VERSION

    @property
    def warnings(self) -> int:
        """The number of tests and sources that have warned."""
        return self.tests.warned + sum(each.status == "warn" for each in self.freshness)

    @property
    def has_docs(self) -> bool:
        """Whether it has made docs."""
        return self.docs in ("published", "made")


_ADAPTER = TypeAdapter(RunFacts)


def to_json(facts: RunFacts) -> bytes:
    """Return `facts` as JSON, for `from_json`."""
    return _ADAPTER.dump_json(facts)


def from_json(content: bytes, *, where: str) -> RunFacts:
    """Return the facts that `to_json` wrote; raise `ArtifactError` naming `where` for others."""
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        found = _version(content)
        if found not in (None, VERSION):
            raise ArtifactError(
                f"{where} has version {found}, and this deploy_project reads version {VERSION}; "
                "read it with the one that has written it"
            ) from error
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ArtifactError(
            f"{where} does not hold the facts of a run ({place}: {first['msg']}); delete it, and "
            "what Dagster knows of the run stays"
        ) from error


def _version(content: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        found: Any = json.loads(content)
        if isinstance(found, Mapping):
            return found.get("version")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return None


def keep(artifacts: Artifacts, facts: RunFacts) -> None:
    """Write `run.json` among the run's artifacts in one go; raise `ArtifactError` on a failure."""
    artifacts.write_text(artifacts.run(facts.run_id) / FACTS, to_json(facts).decode())


def kept(artifacts: Artifacts, run_id: str) -> RunFacts | None:
    """Return the facts of a run; None for one that has none, being older or not yet concluded.

    Raises `ArtifactError` when they can't be read.
    """
    found = content(artifacts, run_id)
    return None if found is None else from_json(found, where=_file(artifacts, run_id))


def content(artifacts: Artifacts, run_id: str) -> bytes | None:
    """Return the content of a run's `run.json`; None when there is none.

    Raises `ArtifactError` when the artifact root can't be asked.
    """
    file = artifacts.run(run_id) / FACTS
    with artifacts.explained(f"reading {file}"):
        try:
            return file.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            return None


def _file(artifacts: Artifacts, run_id: str) -> str:
    return str(artifacts.run(run_id) / FACTS)

"""The steps of a job, in dbt Cloud's order and under dbt Cloud's names (CMD-1, CMD-2); pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from deploy_project.config.values.deployment import Job
from deploy_project.dbt.arguments.commands import subcommand
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord, step_directory

CLONE = "clone_git_repository"
"""The key of the first step, which every run has."""
Kind = Literal["clone", "profile", "deps", "lint", "freshness", "command", "compare", "docs"]


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    index: int
    """From 1, as dbt Cloud counts."""
    key: str
    """The name of the Dagster op: letters, digits and `_`."""
    name: str
    """The name that people see, as on dbt Cloud."""
    kind: Kind
    arguments: tuple[str, ...] = ()
    """After `dbt`; empty for steps that run no dbt."""
    breaks_the_run: bool = True
    """Whether its failure ends the run."""

    @property
    def directory(self) -> str:
        """Its directory among a run's artifacts."""
        return step_directory(self.index, self.key)


def steps(job: Job) -> tuple[Step, ...]:
    """Return the steps of `job`: the implicit ones, lint, freshness, commands, compare, docs."""
    connection = job.environment.target or job.environment.name
    parts: list[tuple[Kind, str, str, tuple[str, ...]]] = [
        ("clone", CLONE, "Clone git repository", ()),
        ("profile", "create_profile", f"Create profile from connection {connection}", ()),
        ("deps", "dbt_deps", invoked("dbt deps"), ("deps",)),
    ]
    if job.run_lint:
        parts.append(("lint", "lint_sql", "Lint SQL", ()))
    if job.run_generate_sources:
        parts.append(("freshness", "source_freshness", invoked("dbt source freshness"), _FRESHNESS))
    for command, arguments in zip(job.commands, job.steps, strict=True):
        verb = (subcommand(arguments) or "command").replace("-", "_")
        parts.append(("command", f"dbt_{verb}", invoked(command), arguments))
    if job.run_compare_changes and job.builds_pull_requests:
        parts.append(("compare", "compare_changes", "Compare changes", ()))
    if job.generate_docs:
        parts.append(("docs", "generate_docs", invoked("dbt docs generate"), _DOCS))
    return tuple(_numbered(parts, _harmless(job)))


_FRESHNESS = ("source", "freshness")
_DOCS = ("docs", "generate")


def _harmless(job: Job) -> frozenset[Kind]:
    """Return the kinds of steps that fail without ending the run (CMD-5, CMD-6, CI-15)."""
    kinds: frozenset[Kind] = frozenset({"freshness", "compare", "docs"})
    lint: frozenset[Kind] = frozenset() if job.errors_on_lint_failure else frozenset({"lint"})
    return kinds | lint


_BOXES: Mapping[Kind, str] = {
    "lint": "lint",
    "freshness": "source freshness",
    "compare": "compare changes",
    "docs": "docs",
}


def failed_boxes(job: Job, records: Sequence[StepRecord]) -> list[str]:
    """Return the check-boxes of `job` that have failed without ending the run, in words.

    Those that a resumed run has tried are among them: its retry leaves them out.
    """
    return [
        _BOXES[kind]
        for each in records
        for kind in _harmless(job)
        if each.kind == kind
        and (each.status is Status.ERROR or (each.done_by and each.exit_code not in (0, None)))
    ]


def invoked(command: str) -> str:
    """Return the name of a step that runs `command`, as dbt Cloud has it."""
    return f"Invoke dbt with `{command}`"


def _numbered(
    parts: list[tuple[Kind, str, str, tuple[str, ...]]], harmless: frozenset[Kind]
) -> list[Step]:
    seen: Counter[str] = Counter()
    numbered: list[Step] = []
    for index, (kind, key, name, arguments) in enumerate(parts, start=1):
        seen[key] += 1
        unique = key if seen[key] == 1 else f"{key}_{seen[key]}"
        numbered.append(Step(index, unique, name, kind, arguments, kind not in harmless))
    return numbered

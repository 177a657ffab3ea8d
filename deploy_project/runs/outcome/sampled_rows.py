"""The first rows that the tests of a step have found: `rows.json` in the step's directory."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.errors import ArtifactError
from deploy_project.runs.model.run_facts import Sample
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.store.artifacts import Artifacts

FILE = "rows.json"
_COLUMNS = 12
_CELL = 100
_ADAPTER = TypeAdapter(dict[str, Sample])


def keep(samples: Mapping[str, Sample], directory: Path) -> None:
    """Write rows into the directory of a step that is in progress; wide ones are cut."""
    cut = {name: _cut(each) for name, each in samples.items()}
    small_files.write_text(directory / FILE, _ADAPTER.dump_json(cut).decode())


def kept(artifacts: Artifacts, run_id: str, steps: Sequence[StepRecord]) -> dict[str, Sample]:
    """Return the rows that the tests of a run have found; those that can't be read are left out."""
    found: dict[str, Sample] = {}
    for step in steps:
        file = artifacts.run(run_id) / step.directory / FILE
        with suppress(ArtifactError, ValidationError), artifacts.explained(f"reading {file}"):
            if step.counts and file.exists():
                found |= _ADAPTER.validate_json(file.read_bytes())
    return found


def _cut(sample: Sample) -> Sample:
    rows = [[None if c is None else c[:_CELL] for c in row[:_COLUMNS]] for row in sample.rows]
    return Sample(sample.columns[:_COLUMNS], tuple(map(tuple, rows)))

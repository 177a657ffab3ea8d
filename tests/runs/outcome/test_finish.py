"""What a run publishes of what another one has done, which it goes on from."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.tags import Trigger
from deploy_project.runs.outcome.finish import state_of
from tests.support.deployments.jobs import DEPLOYMENT, job

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BUILD = StepRecord(
    *(4, "dbt_build", "Invoke dbt with `dbt build`", "command", Status.SUCCESS, NOW, NOW),
    exit_code=0,
)
LEFT_OUT = replace(BUILD, status="Skipped", done_by="old")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    state = StateDirectory(tmp_path)
    return Run("new", job("dbt build"), DEPLOYMENT, state, Trigger("rerun", ""), resumes="old")


def manifest(run: Run, run_id: str) -> Path:
    made = Path(str(run.artifacts.run(run_id))) / "04-dbt-build" / "target" / "manifest.json"
    made.parent.mkdir(parents=True)
    made.write_text("{}")
    return made


@pytest.mark.parametrize(
    ("record", "owner"),
    [
        (BUILD, "new"),
        (LEFT_OUT, "old"),
        (replace(LEFT_OUT, exit_code=1), None),
        (replace(BUILD, status="Skipped"), None),
        (replace(BUILD, status=Status.ERROR, exit_code=1), None),
    ],
    ids=["done here", "done by the other run", "which has failed", "never", "failed here"],
)
def test_the_state_is_that_of_the_run_that_has_done_the_command(
    run: Run, record: StepRecord, owner: str | None
):
    found = {each: str(manifest(run, each)) for each in ("old", "new")}
    published = {str(file) for each in state_of(run, [record]) for file, _ in each.files}
    assert published == ({found[owner]} if owner else set())

"""The rows that tests have found, kept beside a step's record, and read when the run has ended."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from upath import UPath

from deploy_project.runs.model.run_facts import Sample
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome.sampled_rows import FILE, keep, kept
from deploy_project.runs.store.artifacts import Artifacts

AT = datetime(2026, 11, 30, tzinfo=UTC)
STEP = StepRecord(4, "dbt_build", "dbt build", "dbt", Status.ERROR, AT, AT, counts={"fail": 1})
ROWS = Sample(("id", "name"), (("1", None), ("2", "b")))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "runs" / "a" / STEP.directory
    made.mkdir(parents=True)
    return made


def test_rows_are_kept_and_read(directory: Path, tmp_path: Path):
    keep({"test.shop.few": ROWS}, directory)
    assert kept(Artifacts(UPath(tmp_path)), "a", [STEP]) == {"test.shop.few": ROWS}


def test_wide_rows_are_cut(directory: Path, tmp_path: Path):
    wide = Sample(tuple(map(str, range(50))), (("x" * 5_000,) * 50,))
    keep({"test.shop.few": wide}, directory)
    [found] = kept(Artifacts(UPath(tmp_path)), "a", [STEP]).values()
    assert len(found.columns) == len(found.rows[0]) == 12
    assert found.rows[0][0] == "x" * 100


@pytest.mark.parametrize("content", ["", "[", '{"a": {"columns": 3}}'])
def test_a_damaged_file_has_none(directory: Path, tmp_path: Path, content: str):
    (directory / FILE).write_text(content, encoding="utf-8")
    assert kept(Artifacts(UPath(tmp_path)), "a", [STEP]) == {}


def test_a_run_without_such_files_has_none(tmp_path: Path):
    assert kept(Artifacts(UPath(tmp_path)), "a", [STEP]) == {}
